"""PEP proxies and IoT agents of an application. A password is told when it is made, and never again."""

from fastapi import APIRouter, Response

from city.policy import Operation
from security.access import ADMIN
from security.applications.agents import NewAgent
from security.keyrock.answers import answer, no_content
from security.keyrock.application_routes import APPLICATION
from security.keyrock.facts import KeyrockFacts
from security.keyrock.role_routes import application_of
from security.services import SecurityServices
from security.store.agents import AgentKind

router = APIRouter(tags=["PEP proxies and IoT agents"])

PROXY = f"{APPLICATION}/pep_proxies"
AGENTS = f"{APPLICATION}/iot_agents"
AGENT = f"{APPLICATION}/iot_agents/{{iot_agent_id}}"

RULES = {
    ("GET", PROXY): Operation("pep-proxy:read", ADMIN),
    ("POST", PROXY): Operation("pep-proxy:create", ADMIN),
    ("PATCH", PROXY): Operation("pep-proxy:reset", ADMIN),
    ("DELETE", PROXY): Operation("pep-proxy:delete", ADMIN),
    ("GET", AGENTS): Operation("iot-agent:list", ADMIN),
    ("POST", AGENTS): Operation("iot-agent:create", ADMIN),
    ("GET", AGENT): Operation("iot-agent:read", ADMIN),
    ("PATCH", AGENT): Operation("iot-agent:reset", ADMIN),
    ("DELETE", AGENT): Operation("iot-agent:delete", ADMIN),
}


@router.get(PROXY)
async def read_proxy(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    proxy = services.registry.agents.proxy(facts.caller, application)
    return answer({"pep_proxy": {"id": proxy, "oauth_client_id": application}})


@router.post(PROXY)
async def create_proxy(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    made = services.registry.agents.create(facts.caller, application, AgentKind.PEP)
    return answer({"pep_proxy": _shown(made)}, 201)


@router.patch(PROXY)
async def reset_proxy(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    proxy = services.registry.agents.proxy(facts.caller, application)
    password = services.registry.agents.reset(facts.caller, application, proxy, AgentKind.PEP)
    return answer({"new_password": password})


@router.delete(PROXY)
async def delete_proxy(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    proxy = services.registry.agents.proxy(facts.caller, application)
    services.registry.agents.delete(facts.caller, application, proxy, AgentKind.PEP)
    return no_content()


@router.get(AGENTS)
async def list_agents(facts: KeyrockFacts, services: SecurityServices) -> Response:
    agents = services.registry.agents.agents(facts.caller, application_of(facts, services))
    return answer({"iot_agents": [{"id": agent} for agent in agents]})


@router.post(AGENTS)
async def create_agent(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    made = services.registry.agents.create(facts.caller, application, AgentKind.IOT)
    return answer({"iot_agent": _shown(made)}, 201)


@router.get(AGENT)
async def read_agent(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application = application_of(facts, services)
    agent = services.registry.agents.agent(facts.caller, application, facts.parts["iot_agent_id"])
    return answer({"iot_agent": {"id": agent, "oauth_client_id": application}})


@router.patch(AGENT)
async def reset_agent(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application, agent = application_of(facts, services), facts.parts["iot_agent_id"]
    password = services.registry.agents.reset(facts.caller, application, agent, AgentKind.IOT)
    return answer({"new_password": password})


@router.delete(AGENT)
async def delete_agent(facts: KeyrockFacts, services: SecurityServices) -> Response:
    application, agent = application_of(facts, services), facts.parts["iot_agent_id"]
    services.registry.agents.delete(facts.caller, application, agent, AgentKind.IOT)
    return no_content()


def _shown(made: NewAgent) -> dict[str, str]:
    return {"id": made.id, "password": made.password}
