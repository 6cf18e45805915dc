"""Everything that goes in and out, as JSON Schemas and AsyncAPI."""
