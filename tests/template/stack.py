"""The deployment as CloudFormation sees it: template.yaml after its transforms, offline."""

import copy
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"

Resource = dict[str, Any]
Template = dict[str, Any]


@cache
def _source() -> Template:
    template: Template = _expanded(yaml_parse(TEMPLATE.read_text()))
    return template


def _expanded(node: Any) -> Any:
    """A part of the template with what it includes, each part with objects of its own."""
    if isinstance(node, list):
        return [_expanded(member) for member in node]
    if not isinstance(node, dict):
        return node
    whole = {name: _expanded(member) for name, member in node.items() if name != "Fn::Transform"}
    if include := node.get("Fn::Transform"):
        assert include["Name"] == "AWS::Include"
        # read as CloudFormation reads it, which knows no short forms and no aliases there
        included = yaml.safe_load((ROOT / include["Parameters"]["Location"]).read_text())
        assert not included.keys() & whole.keys()
        whole |= included
    return whole


def included_files() -> list[Path]:
    """The files that template.yaml includes."""
    found = re.findall(r"Location: (\S+?)}", TEMPLATE.read_text())
    return [ROOT / location for location in found]


@cache
def _translated() -> Template:
    template = source()
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://bucket/key"
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    # CloudFormation resolves the language extensions first; the SAM transform alone refuses them.
    extensions = {
        name: resource.pop("DeletionPolicy")
        for name, resource in template["Resources"].items()
        if isinstance(resource.get("DeletionPolicy"), dict)
    }
    stack: Template = Translator({}, Parser()).translate(template, {})
    for name, policy in extensions.items():
        stack["Resources"][name]["DeletionPolicy"] = policy
    stack["Transform"] = "AWS::LanguageExtensions"
    return stack


def source() -> Template:
    """template.yaml with what it includes, and intrinsic functions in their long form."""
    return copy.deepcopy(_source())


def translated() -> Template:
    """template.yaml as plain CloudFormation, in a copy that the caller may change."""
    return copy.deepcopy(_translated())


def resources(template: Template, kind: str) -> dict[str, Resource]:
    """The properties of all resources of a type, by logical id."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def referred(value: Any) -> str:
    """The logical id that a Ref or Fn::GetAtt names; empty for anything else."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return name
    return ""


def as_json(template: Template) -> str:
    """The template as a linter takes it."""
    return json.dumps(template, indent=1, default=str)
