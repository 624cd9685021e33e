//! AMQP's frames, as far as is needed to see a `basic.ack`: from a server it is a confirm, from a
//! client an acknowledgement.

use super::{Side, Sign};

/// What a client says first.
const GREETING: usize = 8;
/// Before a frame's payload: its type, channel and length.
const HEAD: usize = 7;
/// After it.
const END: usize = 1;
const METHOD: u8 = 1;
/// The class `basic` and its method `ack`.
const ACK: [u8; 4] = [0, 60, 0, 80];

/// Takes apart what one side says.
pub(super) struct Framing {
    /// Whether the client still has to greet.
    greets: bool,
}

impl Framing {
    pub(super) fn new(side: Side) -> Self {
        Self { greets: side == Side::Client }
    }

    /// The length of the first frame in there and what it is; none where it is not complete.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Option<(usize, Sign)> {
        if self.greets {
            self.greets = bytes.len() < GREETING;
            return (!self.greets).then_some((GREETING, Sign::Other));
        }
        let length = u32::from_be_bytes(bytes.get(3..HEAD)?.try_into().ok()?);
        let length = HEAD + usize::try_from(length).ok()? + END;
        let frame = bytes.get(..length)?;
        let is_ack = frame[0] == METHOD && frame[HEAD..].starts_with(&ACK);
        Some((length, if is_ack { Sign::Ack } else { Sign::Other }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0, 1], length.as_slice(), payload, &[0xCE]].concat()
    }

    #[test]
    fn an_acknowledgement_is_seen_and_nothing_else_is_taken_for_one() {
        let ack = [0, 60, 0, 80, 0, 0, 0, 0, 0, 0, 0, 7, 0];
        let said = [
            b"AMQP\0\0\x09\x01".to_vec(),
            frame(METHOD, &[0, 60, 0, 40, 0, 0]),
            frame(METHOD, &ack),
            frame(3, &ack),
            frame(METHOD, &ack),
            frame(8, &[]),
        ];
        let bytes = said.concat();
        let mut framing = Framing::new(Side::Client);
        let (mut found, mut gone) = (Vec::new(), 0);
        for end in 1..=bytes.len() {
            while let Some((length, sign)) = framing.next(&bytes[gone..end]) {
                found.push((length, sign));
                gone += length;
            }
        }
        let signs = [Sign::Other, Sign::Other, Sign::Ack, Sign::Other, Sign::Ack, Sign::Other];
        let expected: Vec<_> = said.iter().map(Vec::len).zip(signs).collect();
        assert_eq!(found, expected);
    }
}
