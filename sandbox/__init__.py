"""The local city: an AWS inside one process, the template deployed to it, and one plain address."""
