"""STH-Comet's API, versions 1 and 2: the history of one attribute of one entity."""
