//! The document as a page: one text of HTML, without a script and without anything from elsewhere.

use std::fmt::Write as _;

use serde_json::{Map, Value};

const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; --line: #8884; --dim: #888; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; }
details { border: 1px solid var(--line); margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.5rem; }
summary span, .dim { color: var(--dim); }
table { border-collapse: collapse; width: 100%; }
td, th { border-top: 1px solid var(--line); padding: .25rem .6rem .25rem 0; text-align: left;
  vertical-align: top; }
</style>
"#;

/// The methods of a path, in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// The page of a document.
pub fn html(document: &Value) -> String {
    let mut page = HEAD.to_owned();
    let info = &document["info"];
    let title = escaped(text(&info["title"]));
    put(&mut page, format_args!("<title>{title}</title></head><body><h1>{title}</h1>\n"));
    put(&mut page, format_args!("<p class=dim>Version {}</p>\n", escaped(text(&info["version"]))));
    put(&mut page, format_args!("<p>{}</p>\n", marked(text(&info["description"]))));
    page.push_str("<p>For programs: <a href=\"/openapi.json\">openapi.json</a></p>\n");
    for tag in list(&document["tags"]) {
        let tag = text(&tag["name"]);
        put(&mut page, format_args!("<h2 id=\"{0}\">{0}</h2>\n", escaped(tag)));
        for (path, item) in fields(&document["paths"]) {
            for method in METHODS {
                let operation = &item[method];
                if list(&operation["tags"]).iter().any(|it| it == tag) {
                    show_operation(&mut page, document, (method, path), operation);
                }
            }
        }
    }
    page.push_str("<h2 id=\"types\">Types</h2>\n");
    for (name, schema) in fields(&document["components"]["schemas"]) {
        let name = escaped(name);
        put(&mut page, format_args!("<details id=\"type-{name}\"><summary>{name}"));
        let says = text(&schema["description"]);
        put(&mut page, format_args!(" <span>{}</span></summary>\n", marked(says)));
        if schema["properties"].is_object() {
            show_properties(&mut page, schema);
        } else {
            put(&mut page, format_args!("<p>{}</p>\n", kind(schema)));
        }
        page.push_str("</details>\n");
    }
    page.push_str("</body></html>\n");
    page
}

fn show_operation(
    page: &mut String,
    document: &Value,
    (method, path): (&str, &str),
    operation: &Value,
) {
    let id = escaped(text(&operation["operationId"]));
    let method = method.to_ascii_uppercase();
    put(page, format_args!("<details id=\"{id}\"><summary><b>{method}</b> "));
    let summary = marked(text(&operation["summary"]));
    put(page, format_args!("<code>{}</code> <span>{summary}</span>", escaped(path)));
    page.push_str("</summary>\n");
    let roles: Vec<&str> =
        list(&operation["security"]).iter().map(|any| text(&any["token"][0])).collect();
    let roles =
        if roles.is_empty() { "anybody, without a token".to_owned() } else { roles.join(", ") };
    put(page, format_args!("<p class=dim>For: {}</p>\n", escaped(&roles)));
    let parameters = list(&operation["parameters"]);
    if !parameters.is_empty() {
        page.push_str("<table><tr><th>Parameter<th>In<th>Type<th></tr>\n");
        for it in parameters {
            let (name, place) = (escaped(text(&it["name"])), escaped(text(&it["in"])));
            let says = marked(text(&it["description"]));
            let kind = kind(&it["schema"]);
            put(page, format_args!("<tr><td><code>{name}</code><td>{place}<td>{kind}<td>{says}\n"));
        }
        page.push_str("</table>\n");
    }
    let body = &operation["requestBody"];
    if let Some((_, media)) = fields(&body["content"]).next() {
        let required = if body["required"] == true { "" } else { " (may be missing)" };
        put(page, format_args!("<p>Body{required}: {}</p>\n", kind(&media["schema"])));
        let example = escaped(&format!("{:#}", media["example"]));
        put(page, format_args!("<pre>{example}</pre>\n"));
    }
    page.push_str("<table><tr><th>Answer<th>Body<th></tr>\n");
    for (status, response) in fields(&operation["responses"]) {
        let response = resolved(document, response);
        let says = marked(text(&response["description"]));
        if response["content"].is_null() {
            put(page, format_args!("<tr><td>{}<td>nothing<td>{says}\n", escaped(status)));
        }
        for (media_type, media) in fields(&response["content"]) {
            let schema = &media["schema"];
            let (kind, says) = if media_type.ends_with("problem+json") {
                ("problem".to_owned(), problems(schema))
            } else {
                (kind(schema), says.clone())
            };
            put(page, format_args!("<tr><td>{}<td>{kind}<td>{says}\n", escaped(status)));
        }
    }
    page.push_str("</table></details>\n");
}

/// Links to what problems mean.
fn problems(schema: &Value) -> String {
    let kinds = list(&schema["properties"]["type"]["enum"]);
    let link = |kind: &Value| {
        let kind = escaped(text(kind));
        let slug = kind.rsplit('/').next().unwrap_or_default();
        format!("<a href=\"{kind}\"><code>{slug}</code></a>")
    };
    kinds.iter().map(link).collect::<Vec<_>>().join(", ")
}

fn show_properties(page: &mut String, schema: &Value) {
    page.push_str("<table>\n");
    for (name, property) in fields(&schema["properties"]) {
        let always = list(&schema["required"]).iter().any(|it| it == name);
        let mark = if always { "" } else { " <span class=dim>may be missing</span>" };
        let (name, kind) = (escaped(name), kind(property));
        let says = marked(text(&property["description"]));
        put(page, format_args!("<tr><td><code>{name}</code>{mark}<td>{kind}<td>{says}\n"));
    }
    page.push_str("</table>\n");
}

/// What a value is, in a few words, with a link where it is a type of the document.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#type-{name}\">{name}</a>");
    }
    for any in ["anyOf", "oneOf", "allOf"] {
        let kinds = list(&schema[any]);
        if !kinds.is_empty() {
            return kinds.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    let words = list(&schema["enum"]);
    let words = if words.is_empty() { list(&schema["examples"]) } else { words };
    let mut said = match &schema["type"] {
        Value::String(array) if array == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(kind) => escaped(kind),
        Value::Array(kinds) => {
            kinds.iter().map(|it| escaped(text(it))).collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    };
    let bounds =
        [("minimum", "≥"), ("maximum", "≤"), ("minLength", "length ≥"), ("maxLength", "length ≤")];
    for (name, sign) in bounds {
        if let Some(bound) = schema.get(name) {
            put(&mut said, format_args!(", {sign} {bound}"));
        }
    }
    if !words.is_empty() {
        let words: Vec<String> =
            words.iter().map(|it| format!("<code>{}</code>", escaped(&plain(it)))).collect();
        put(&mut said, format_args!(": {}", words.join(" ")));
    }
    said
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
    pointer.and_then(|it| document.pointer(it)).unwrap_or(value)
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn put(page: &mut String, what: std::fmt::Arguments<'_>) {
    page.write_fmt(what).expect("a text can always grow");
}

/// As text, not as markup.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// [`escaped`], with what stands between backticks as code.
fn marked(text: &str) -> String {
    let mut parts = text.split('`');
    let mut marked = escaped(parts.next().unwrap_or_default());
    let parts: Vec<&str> = parts.collect();
    for pair in parts.chunks(2) {
        put(&mut marked, format_args!("<code>{}</code>", escaped(pair[0])));
        marked.push_str(&pair.get(1).map(|it| escaped(it)).unwrap_or_default());
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for (said, shown) in [
            ("a < b & \"c\"", "a &lt; b &amp; &quot;c&quot;"),
            ("see `x<y>` now", "see <code>x&lt;y&gt;</code> now"),
            ("`a`, `b`", "<code>a</code>, <code>b</code>"),
        ] {
            assert_eq!(marked(said), shown);
        }
    }

    #[test]
    fn a_kind_is_told_in_a_few_words() {
        let link = "<a href=\"#type-Money\">Money</a>";
        let money = r##"{"$ref": "#/components/schemas/Money"}"##;
        for (schema, shown) in [
            (money.to_owned(), link.to_owned()),
            (format!(r#"{{"type": "array", "items": {money}}}"#), format!("list of {link}")),
            (format!(r#"{{"anyOf": [{money}, {{"type": "null"}}]}}"#), format!("{link} or null")),
            (
                r#"{"type": "integer", "minimum": 1, "maximum": 9}"#.to_owned(),
                "integer, ≥ 1, ≤ 9".to_owned(),
            ),
            (
                r#"{"type": ["string", "null"], "examples": ["a"]}"#.to_owned(),
                "string or null: <code>a</code>".to_owned(),
            ),
        ] {
            assert_eq!(kind(&serde_json::from_str(&schema).unwrap()), shown);
        }
    }
}
