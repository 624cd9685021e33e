//! The envelope: `CloudEvents` 1.0 in structured JSON, `application/cloudevents+json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use uuid::Uuid;

use crate::{
    Command, CommandId, CommandType, Event, EventType, MessageId, SagaId, ServiceName, Timestamp,
};

/// The media type of an encoded envelope.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

/// The version of every schema that this build writes and reads.
pub const SCHEMA_VERSION: u32 = 1;

/// A message as it lies in outboxes and queues. `data` stays as it was written until it is
/// decoded with [`Envelope::message`]; attributes that are not listed are ignored.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(
    description = "A message on its way: CloudEvents 1.0, structured JSON. Attributes that are \
                   not listed are ignored."
)]
pub struct Envelope {
    /// Always `1.0`.
    #[schemars(extend("const" = "1.0"))]
    pub specversion: String,
    /// Identity of this message as sent; a resend has another one.
    pub id: MessageId,
    /// The command's or the event's type.
    #[serde(rename = "type")]
    #[schemars(regex(pattern = "^[a-z]+(-[a-z]+)*$"))]
    pub kind: String,
    /// Who says it: `/payment`.
    #[schemars(regex(pattern = "^/[a-z]+(-[a-z]+)*$"))]
    pub source: String,
    /// What it is about: the order's id; a menu item's is `<store_id>/<menu_id>`.
    #[schemars(length(min = 1))]
    pub subject: String,
    /// When it occurred.
    pub time: Timestamp,
    /// `/schemas/<type>/<version>`.
    #[schemars(regex(pattern = "^/schemas/[a-z]+(-[a-z]+)*/[1-9][0-9]*$"))]
    pub dataschema: String,
    /// Always `application/json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<String>,
    /// The saga that it belongs to, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<Uuid>,
    /// The message that led to this one, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<Uuid>,
    /// The aggregate's version after what is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Identity of a command across its resends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commandid: Option<Uuid>,
    /// W3C trace context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// W3C trace context, vendors' part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
    /// The payload, as it was written.
    #[schemars(
        with = "Map<String, Value>",
        description = "The payload; `dataschema` says what is in it."
    )]
    pub data: Box<RawValue>,
}

/// What a message says, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A request that can be refused.
    Command(Command),
    /// A fact.
    Event(Event),
}

/// Why bytes are not a message. Each makes a dead letter; none stops a consumer.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, or an attribute is missing or of the wrong type.
    #[error("not an envelope: {0}")]
    Malformed(serde_json::Error),
    /// Another version of `CloudEvents`.
    #[error("unknown specversion {0:?}")]
    SpecVersion(String),
    /// A type that this build does not know.
    #[error("unknown type {0:?}")]
    UnknownType(String),
    /// `dataschema` is not `/schemas/<type>/1`.
    #[error("unknown schema {0:?}")]
    UnknownSchema(String),
    /// A source that is no service.
    #[error("unknown source {0:?}")]
    UnknownSource(String),
    /// The service named as source may not say this.
    #[error("{kind} cannot come from {origin}")]
    WrongSource {
        /// The message's type.
        kind: String,
        /// Who claims to say it.
        origin: String,
    },
    /// `data` does not fit the schema.
    #[error("data does not fit {kind}: {error}")]
    Data {
        /// The message's type.
        kind: String,
        /// What does not fit.
        error: serde_json::Error,
    },
    /// An event without the attribute that orders it.
    #[error("an event needs a sequence")]
    NoSequence,
    /// A command without its identity.
    #[error("a command needs a commandid")]
    NoCommandId,
    /// `subject` is not what the payload is about.
    #[error("subject {subject:?} does not match the data")]
    Subject {
        /// The subject as given.
        subject: String,
    },
}

impl Envelope {
    /// Wraps a command.
    pub fn of_command(
        id: MessageId,
        time: Timestamp,
        source: ServiceName,
        command: &Command,
        command_id: CommandId,
        saga: Option<SagaId>,
    ) -> Result<Self, serde_json::Error> {
        let kind = command.kind().as_str();
        let mut envelope =
            Self::new(id, kind, time, source, command.order_id().to_string(), command.encode()?);
        envelope.commandid = Some(command_id.0);
        envelope.correlationid = saga.map(|saga| saga.0);
        Ok(envelope)
    }

    /// Wraps an event; `sequence` is the aggregate's version after it.
    pub fn of_event(
        id: MessageId,
        time: Timestamp,
        event: &Event,
        sequence: u64,
    ) -> Result<Self, serde_json::Error> {
        let kind = event.kind();
        let (source, subject) = (kind.source(), event.subject());
        let mut envelope = Self::new(id, kind.as_str(), time, source, subject, event.encode()?);
        envelope.sequence = Some(sequence);
        Ok(envelope)
    }

    fn new(
        id: MessageId,
        kind: &str,
        time: Timestamp,
        source: ServiceName,
        subject: String,
        data: Box<RawValue>,
    ) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id,
            kind: kind.to_owned(),
            source: source.source().to_owned(),
            subject,
            time,
            dataschema: format!("/schemas/{kind}/{SCHEMA_VERSION}"),
            datacontenttype: Some("application/json".to_owned()),
            correlationid: None,
            causationid: None,
            sequence: None,
            commandid: None,
            traceparent: None,
            tracestate: None,
            data,
        }
    }

    /// Reads an envelope; its `data` is left as it is.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let envelope: Self = serde_json::from_slice(bytes).map_err(EnvelopeError::Malformed)?;
        if envelope.specversion != "1.0" {
            return Err(EnvelopeError::SpecVersion(envelope.specversion));
        }
        Ok(envelope)
    }

    /// The text as it goes over the wire.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The service that says it.
    pub fn service(&self) -> Result<ServiceName, EnvelopeError> {
        ServiceName::from_source(&self.source)
            .ok_or_else(|| EnvelopeError::UnknownSource(self.source.clone()))
    }

    /// Decodes and checks what is said: type, schema version, source, identity, subject, payload.
    pub fn message(&self) -> Result<Message, EnvelopeError> {
        let source = self.service()?;
        let command = CommandType::parse(&self.kind);
        let event = EventType::parse(&self.kind);
        if command.is_none() && event.is_none() {
            return Err(EnvelopeError::UnknownType(self.kind.clone()));
        }
        self.check_schema()?;
        let wrong_source =
            || EnvelopeError::WrongSource { kind: self.kind.clone(), origin: self.source.clone() };
        let bad_data = |error| EnvelopeError::Data { kind: self.kind.clone(), error };
        let (message, subject) = match (command, event) {
            (Some(kind), _) => {
                if source != ServiceName::Orchestrator {
                    return Err(wrong_source());
                }
                if self.commandid.is_none() {
                    return Err(EnvelopeError::NoCommandId);
                }
                let command = Command::decode(kind, &self.data).map_err(bad_data)?;
                let subject = command.order_id().to_string();
                (Message::Command(command), subject)
            }
            (None, Some(kind)) => {
                if source != kind.source() {
                    return Err(wrong_source());
                }
                if self.sequence.is_none() {
                    return Err(EnvelopeError::NoSequence);
                }
                let event = Event::decode(kind, &self.data).map_err(bad_data)?;
                let subject = event.subject();
                (Message::Event(event), subject)
            }
            (None, None) => return Err(EnvelopeError::UnknownType(self.kind.clone())),
        };
        if subject != self.subject {
            return Err(EnvelopeError::Subject { subject: self.subject.clone() });
        }
        Ok(message)
    }

    fn check_schema(&self) -> Result<(), EnvelopeError> {
        let known = self
            .dataschema
            .strip_prefix("/schemas/")
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(kind, version)| {
                kind == self.kind && version.parse() == Ok(SCHEMA_VERSION)
            });
        if known { Ok(()) } else { Err(EnvelopeError::UnknownSchema(self.dataschema.clone())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Detail, OrderId, Record, command::OrderOnly};

    fn order() -> OrderId {
        OrderId::new("o1").unwrap()
    }

    fn command() -> String {
        let command = Command::SettleStock(OrderOnly { order_id: order() });
        let (id, time) = (MessageId(Uuid::from_u128(1)), Timestamp::from_millis(0));
        let command_id = CommandId(Uuid::from_u128(2));
        let source = ServiceName::Orchestrator;
        Envelope::of_command(id, time, source, &command, command_id, None)
            .unwrap()
            .to_json()
            .unwrap()
    }

    #[test]
    fn what_is_wrapped_is_read_back() {
        let envelope = Envelope::from_bytes(command().as_bytes()).unwrap();
        let expected = Command::SettleStock(OrderOnly { order_id: order() });
        assert_eq!(envelope.message().unwrap(), Message::Command(expected));

        let mut record = Record::default();
        record.add(EventType::CookStarted, Timestamp::from_millis(5), Detail::default());
        let event = record.event(&order(), "cooking").unwrap();
        let (id, time) = (MessageId(Uuid::from_u128(3)), Timestamp::from_millis(5));
        let json = Envelope::of_event(id, time, &event, 1).unwrap().to_json().unwrap();
        let envelope = Envelope::from_bytes(json.as_bytes()).unwrap();
        assert_eq!(envelope.message().unwrap(), Message::Event(event));
        assert_eq!((envelope.subject.as_str(), envelope.source.as_str()), ("o1", "/cook"));
    }

    #[test]
    fn what_is_no_message_says_why() {
        let good = command();
        for (from, to, why) in [
            ("{", "", "not an envelope"),
            ("\"id\"", "\"no\"", "not an envelope"),
            ("\"1.0\"", "\"0.3\"", "unknown specversion"),
            ("\"type\":\"settle-stock\"", "\"type\":\"eat-stock\"", "unknown type"),
            ("settle-stock/1", "settle-stock/2", "unknown schema"),
            ("/orchestrator", "/nobody", "unknown source"),
            ("/orchestrator", "/store", "cannot come from"),
            ("\"commandid\"", "\"other\"", "needs a commandid"),
            ("{\"order_id\":\"o1\"}", "{\"order_id\":7}", "data does not fit"),
            ("{\"order_id\":\"o1\"}", "[]", "data does not fit"),
            ("\"subject\":\"o1\"", "\"subject\":\"o2\"", "does not match"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from} is there to be replaced");
            let error = match Envelope::from_bytes(bad.as_bytes()) {
                Ok(envelope) => envelope.message().unwrap_err(),
                Err(error) => error,
            };
            assert!(error.to_string().contains(why), "{error} should say {why:?}");
        }
    }
}
