// SPDX-License-Identifier: Apache-2.0
//! What goes in and out, for /openapi.json, /docs and `[http] validate`.

use crate::payload::DataType;

/// Declares the params and payloads of an engine. `schema!` writes one shorter.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    service: String,
    params: Vec<(String, String)>,
    input: Vec<(String, DataType, String)>,
    output: Vec<(String, DataType, String)>,
}

/// What a parameter may be.
#[derive(Clone, Debug)]
pub struct Param {
    kind: &'static str,
    bounds: Option<(f64, f64)>,
    choices: Vec<String>,
    text: String,
}

impl Param {
    fn of(kind: &'static str) -> Param {
        Param { kind, bounds: None, choices: Vec::new(), text: String::new() }
    }

    pub fn text() -> Param {
        Param::of("string")
    }

    pub fn integer() -> Param {
        Param::of("integer")
    }

    pub fn number() -> Param {
        Param::of("number")
    }

    pub fn boolean() -> Param {
        Param::of("boolean")
    }

    /// The least and the most that it may be.
    pub fn between(mut self, least: f64, most: f64) -> Param {
        self.bounds = Some((least, most));
        self
    }

    /// All that it may be.
    pub fn one_of(mut self, choices: &[&str]) -> Param {
        self.choices = choices.iter().map(|each| each.to_string()).collect();
        self
    }

    /// What it is, for people.
    pub fn about(mut self, text: &str) -> Param {
        self.text = text.to_owned();
        self
    }

    fn to_json(&self) -> String {
        let mut parts = vec![format!("\"type\":\"{}\"", self.kind)];
        if let Some((least, most)) = self.bounds {
            parts.push(format!("\"minimum\":{least},\"maximum\":{most}"));
        }
        if !self.choices.is_empty() {
            let choices: Vec<String> = self.choices.iter().map(|each| quoted(each)).collect();
            parts.push(format!("\"enum\":[{}]", choices.join(",")));
        }
        if !self.text.is_empty() {
            parts.push(format!("\"description\":{}", quoted(&self.text)));
        }
        format!("{{{}}}", parts.join(","))
    }
}

impl Schema {
    /// Of the service of that name.
    pub fn new(service: &str) -> Schema {
        Schema { service: service.to_owned(), ..Schema::default() }
    }

    /// A parameter, which a call may leave out.
    pub fn param(mut self, name: &str, param: Param) -> Schema {
        self.params.push((name.to_owned(), param.to_json()));
        self
    }

    /// A payload that a request has.
    pub fn input(mut self, key: &str, kind: DataType, about: &str) -> Schema {
        self.input.push((key.to_owned(), kind, about.to_owned()));
        self
    }

    /// A payload that an answer has.
    pub fn output(mut self, key: &str, kind: DataType, about: &str) -> Schema {
        self.output.push((key.to_owned(), kind, about.to_owned()));
        self
    }

    /// As wrapperSchema says it.
    pub fn to_json(&self) -> String {
        let service = quoted(&self.service);
        let params: Vec<String> =
            self.params.iter().map(|(name, json)| format!("{}:{json}", quoted(name))).collect();
        format!(
            "{{\"meta\":{{\"serviceId\":{service},\"version\":\"v1\",{service}:\
             {{\"input\":{},\"accept\":{}}}}},\
             \"schemainput\":{{\"type\":\"object\",\"properties\":{{\
             \"parameter\":{{\"type\":\"object\",\"properties\":{{{service}:\
             {{\"type\":\"object\",\"properties\":{{{}}}}}}}}},\"payload\":{}}},\
             \"required\":[\"payload\"]}},\
             \"schemaoutput\":{{\"type\":\"object\",\"properties\":{{\"payload\":{}}}}}}}",
            kinds(&self.input),
            kinds(&self.output),
            params.join(","),
            payloads(&self.input),
            payloads(&self.output),
        )
    }
}

/// The field of a payload's own data in the JSON of a client.
fn field(kind: DataType) -> &'static str {
    match kind {
        DataType::Text | DataType::Other => "text",
        DataType::Audio => "audio",
        DataType::Image => "image",
        DataType::Video => "video",
    }
}

fn kinds(list: &[(String, DataType, String)]) -> String {
    let each = |(key, kind, _): &(String, DataType, String)| {
        format!("{}:{{\"dataType\":\"{}\"}}", quoted(key), field(*kind))
    };
    format!("{{{}}}", list.iter().map(each).collect::<Vec<_>>().join(","))
}

fn payloads(list: &[(String, DataType, String)]) -> String {
    let each = |(key, kind, about): &(String, DataType, String)| {
        let field = field(*kind);
        format!(
            "{}:{{\"type\":\"object\",\"properties\":{{\"{field}\":{{\"type\":\"string\",\
             \"contentEncoding\":\"base64\",\"description\":{}}}}},\"required\":[\"{field}\"]}}",
            quoted(key),
            quoted(about),
        )
    };
    let keys: Vec<String> = list.iter().map(|(key, ..)| quoted(key)).collect();
    format!(
        "{{\"type\":\"object\",\"properties\":{{{}}},\"required\":[{}]}}",
        list.iter().map(each).collect::<Vec<_>>().join(","),
        keys.join(","),
    )
}

/// As a string of JSON.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for each in text.chars() {
        match each {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            each if (each as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", each as u32)),
            each => out.push(each),
        }
    }
    out.push('"');
    out
}

/// Declares what goes in and out:
///
/// ```
/// let schema = aiges::schema! {
///     service: "repeat",
///     params: { times: integer, "how often", 1..9; mark: text, "what comes behind" },
///     input: { text: text, "what to repeat" },
///     output: { result: text, "it, so often" },
/// };
/// assert!(schema.to_json().contains("how often"));
/// ```
#[macro_export]
macro_rules! schema {
    (
        service: $service:expr,
        $(params: { $($name:ident: $kind:ident, $about:expr $(, $least:literal..$most:literal)?);* $(;)? },)?
        input: { $($in_key:ident: $in_kind:ident, $in_about:expr);* $(;)? },
        output: { $($out_key:ident: $out_kind:ident, $out_about:expr);* $(;)? } $(,)?
    ) => {
        $crate::Schema::new($service)
            $($(.param(
                stringify!($name),
                $crate::Param::$kind().about($about)$(.between($least as f64, $most as f64))?,
            ))*)?
            $(.input(stringify!($in_key), $crate::__data_type!($in_kind), $in_about))*
            $(.output(stringify!($out_key), $crate::__data_type!($out_kind), $out_about))*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __data_type {
    (text) => {
        $crate::DataType::Text
    };
    (audio) => {
        $crate::DataType::Audio
    };
    (image) => {
        $crate::DataType::Image
    };
    (video) => {
        $crate::DataType::Video
    };
    (other) => {
        $crate::DataType::Other
    };
}
