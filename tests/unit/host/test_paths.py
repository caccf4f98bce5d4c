"""The grammar of a path: what is valid, and for each mistake an error that names the place and what was meant."""

from __future__ import annotations

import pytest

from otel_handoff.host.paths import GRAMMAR, Key, parse, parts


@pytest.mark.parametrize(
    ("text", "module", "read"),
    [
        ("tenant", "", ("tenant",)),
        ("order.id", "", ("order", "id")),
        ("ctx.0.class", "", ("ctx", "0", "class")),
        ("straße.größe", "", ("straße", "größe")),
        ("headers[X-Request-ID]", "", ("headers", Key("X-Request-ID"))),
        ("headers['a.b'].id", "", ("headers", Key("a.b"), "id")),
        ('headers["a]b"]', "", ("headers", Key("a]b"))),
        ("headers[urn:x y][0]", "", ("headers", Key("urn:x y"), Key("0"))),
        ("[tenant]", "", (Key("tenant"),)),
        ("app.state:client.session", "app.state", ("client", "session")),
        ("__main__:var[a:b]", "__main__", ("var", Key("a:b"))),
    ],
)
def test_what_is_a_path(text: str, module: str, read: tuple[str, ...]) -> None:
    """A key is none of the names, though they are written alike."""
    path = parse(text)
    assert (path.module, path.parts) == (module, read)
    assert [type(part) for part in path.parts] == [type(part) for part in read]


@pytest.mark.parametrize("text", GRAMMAR)
def test_each_example_of_the_grammar_is_a_path(text: str) -> None:
    """The table is what people are shown."""
    assert parse(text).parts


@pytest.mark.parametrize(
    ("text", "what", "where", "likely"),
    [
        ("", "it is empty: write a name", "at its end", "order.id"),
        (".tenant", "it starts with a name", "at '.tenant', letter 1", "tenant"),
        ("order.", "a name follows the '.'", "at its end", "order"),
        ("order..id", "there is no name between two '.'", "at '.id', letter 7", "order.id"),
        ("headers.[x]", "a name follows the '.'", "at '[x]', letter 9", "headers[x]"),
        ("headers[X-Request", "no ']' closes the '['", "at '[X-Request', letter 8", "headers[X-Request]"),
        ("headers[]", "there is no key between '[' and ']'", "at '[]', letter 8", "headers"),
        ("headers]x", "no '[' opens the ']'", "at ']x', letter 8", "headers.x"),
        ("h['a.b]", "the key in quotes ends with the same quote and ']'", 'at "[\'a.b]", letter 2', "h[a.b]"),
        ("h[x]id", "after ']' comes '.' or '['", "at 'id', letter 5", "h[x].id"),
        ("h.X-Request-ID", "a key with '-' in it stands in brackets", "at '-Request-ID', letter 4", "h[X-Request-ID]"),
        ("parts.-1", "a key with '-' in it stands in brackets", "at '-1', letter 7", "parts[-1]"),
        ("*args", "it starts with a name", "at '*args', letter 1", "args"),
        ("order id", "there is no space in a path, but within brackets", "at ' id', letter 6", "order_id"),
        (" order", "there is no space in a path, but within brackets", "at ' order', letter 1", "order"),
        ("ctx.get_id()", "nothing is called on the way: name an attribute", "at '()', letter 11", "ctx.get_id"),
        ("app:state:client", "only a module has a ':' after it", "at ':client', letter 10", "app.state:client"),
        (":client", "before ':' stands a module", "at ':client', letter 1", "client"),
        ("app/state.py:client", "before ':' stands a module", "at 'app/state.py', letter 1", "app.state:client"),
        ("app.state:", "after ':' stands what the module has", "at its end", "app.state:name"),
    ],
)
def test_each_mistake_is_told_with_its_place_and_what_was_meant(text: str, what: str, where: str, likely: str) -> None:
    """What is proposed is a path itself."""
    with pytest.raises(ValueError) as raised:
        parse(text)
    assert str(raised.value) == f"{text!r} is no path: {what} ({where}). Did you mean {likely!r}?"
    assert parse(likely)


def test_where_nothing_is_like_it_nothing_is_proposed() -> None:
    """Nor where it is no text at all, as a file may have it."""
    with pytest.raises(ValueError, match=r"^'\.' is no path: it starts with a name \(at '\.', letter 1\)\.$"):
        parse(".")
    with pytest.raises(ValueError, match=r"^a path is a text, as 'order.id', not 5"):
        parse(5)  # pyright: ignore[reportArgumentType]


def test_on_an_object_no_path_starts_in_a_module() -> None:
    """The fields are read off what is shared."""
    assert parts("client.tenant") == ("client", "tenant")
    with pytest.raises(
        ValueError, match=r"in no module \(at 'app:client\.t', letter 1\)\. Did you mean 'client.tenant'"
    ):
        parts("app:client.tenant")
