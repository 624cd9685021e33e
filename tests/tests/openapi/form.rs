//! What a document of OpenAPI 3.1 must look like, as far as ours has it, as a schema: every object is
//! closed, so that a misspelt field shows. Schemas in it are held against JSON Schema itself.

use serde_json::{Value, json};

/// The schema of a document.
pub(crate) fn openapi() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["openapi", "info", "paths"],
        "additionalProperties": false,
        "properties": {
            "openapi": { "const": "3.1.0" },
            "info": {
                "type": "object",
                "required": ["title", "version"],
                "additionalProperties": false,
                "properties": {
                    "title": { "type": "string", "minLength": 1 },
                    "version": { "type": "string", "pattern": r"^\d+\.\d+\.\d+" },
                    "description": { "type": "string" },
                },
            },
            "servers": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["url"],
                    "additionalProperties": false,
                    "properties": { "url": { "type": "string" } },
                },
            },
            "tags": {
                "type": "array",
                "uniqueItems": true,
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "additionalProperties": false,
                    "properties": { "name": { "type": "string" } },
                },
            },
            "paths": {
                "type": "object",
                "propertyNames": { "pattern": "^/" },
                "additionalProperties": {
                    "type": "object",
                    "propertyNames": { "enum": ["get", "put", "post", "patch", "delete"] },
                    "additionalProperties": { "$ref": "#/$defs/operation" },
                },
            },
            "components": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "schemas": { "$ref": "#/$defs/schemas" },
                    "responses": {
                        "type": "object",
                        "propertyNames": { "$ref": "#/$defs/name" },
                        "additionalProperties": { "$ref": "#/$defs/response" },
                    },
                    "securitySchemes": {
                        "type": "object",
                        "propertyNames": { "$ref": "#/$defs/name" },
                        "additionalProperties": {
                            "type": "object",
                            "required": ["type", "scheme"],
                            "additionalProperties": false,
                            "properties": {
                                "type": { "const": "http" },
                                "scheme": { "const": "bearer" },
                                "bearerFormat": { "type": "string" },
                                "description": { "type": "string" },
                            },
                        },
                    },
                },
            },
        },
        "$defs": {
            "name": { "pattern": r"^[a-zA-Z0-9._-]+$" },
            "schema": { "$ref": "https://json-schema.org/draft/2020-12/schema" },
            "schemas": {
                "type": "object",
                "propertyNames": { "$ref": "#/$defs/name" },
                "additionalProperties": { "$ref": "#/$defs/schema" },
            },
            "operation": {
                "type": "object",
                "required": ["operationId", "summary", "tags", "security", "responses"],
                "additionalProperties": false,
                "properties": {
                    "operationId": { "type": "string", "pattern": "^[a-z_]+$" },
                    "summary": { "type": "string", "pattern": r"\.$" },
                    "tags": { "type": "array", "items": { "type": "string" } },
                    "security": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": {
                                "type": "array",
                                "items": { "type": "string" }
                            },
                        },
                    },
                    "parameters": {
                        "type": "array",
                        "items": { "$ref": "#/$defs/parameter" },
                        "uniqueItems": true,
                    },
                    "requestBody": {
                        "type": "object",
                        "required": ["content"],
                        "additionalProperties": false,
                        "properties": {
                            "required": { "type": "boolean" },
                            "content": { "$ref": "#/$defs/content" },
                        },
                    },
                    "responses": {
                        "type": "object",
                        "minProperties": 1,
                        "propertyNames": { "pattern": "^[1-5][0-9]{2}$" },
                        "additionalProperties": {
                            "oneOf": [
                                { "$ref": "#/$defs/response" },
                                { "$ref": "#/$defs/reference" },
                            ],
                        },
                    },
                },
            },
            "parameter": {
                "type": "object",
                "required": ["name", "in", "schema"],
                "additionalProperties": false,
                "properties": {
                    "name": { "type": "string" },
                    "in": { "enum": ["path", "query", "header"] },
                    "required": { "type": "boolean" },
                    "description": { "type": "string" },
                    "schema": { "$ref": "#/$defs/schema" },
                },
                "if": { "properties": { "in": { "const": "path" } } },
                "then": { "required": ["required"], "properties": { "required": { "const": true } } },
                "else": { "required": ["description"] },
            },
            "reference": {
                "type": "object",
                "required": ["$ref"],
                "additionalProperties": false,
                "properties": { "$ref": { "type": "string", "pattern": "^#/components/" } },
            },
            "response": {
                "type": "object",
                "required": ["description"],
                "additionalProperties": false,
                "properties": {
                    "description": { "type": "string", "minLength": 1 },
                    "content": { "$ref": "#/$defs/content" },
                    "headers": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "required": ["description", "schema"],
                            "additionalProperties": false,
                            "properties": {
                                "description": { "type": "string" },
                                "schema": { "$ref": "#/$defs/schema" },
                            },
                        },
                    },
                },
            },
            "content": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "pattern": "^[a-z]+/[a-z+-]+$" },
                "additionalProperties": {
                    "type": "object",
                    "required": ["schema"],
                    "additionalProperties": false,
                    "properties": { "schema": { "$ref": "#/$defs/schema" }, "example": {} },
                },
            },
        },
    })
}
