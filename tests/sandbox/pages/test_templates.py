"""Templates escape what they show; the reference lists what the API takes."""

from __future__ import annotations

from sandbox.pages.reference import operations
from sandbox.pages.templates import make_templates


def test_templates_escape_what_they_show(tmp_path):
    (tmp_path / "page.html").write_text("{% extends 'base.html' %}{% block title %}x{% endblock %}{% block main %}{{ name }}{% endblock %}")
    templates = make_templates(tmp_path, brand="Tidegate", nav=[], user="", path="/")
    page = templates.get_template("page.html").render(name="<script>alert(1)</script>")
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_reference_lists_fields_of_a_body():
    schema = {
        "paths": {"/api/x": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}}}}},
        "components": {"schemas": {"X": {"required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}}},
    }
    (operation,) = operations(schema)
    assert (operation.method, operation.fields) == ("POST", ("a: string", "b: integer (optional)"))
