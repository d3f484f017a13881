"""The page, its JSON API and its event stream: parse, call, answer."""
