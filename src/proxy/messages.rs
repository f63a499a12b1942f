//! Messages of gRPC calls, counted as they pass. Only their prefixes are looked at, and nothing is kept of them.

use std::sync::Arc;

use super::exchange::Exchange;
use super::mesh_metrics;
use crate::telemetry::label::Direction;
use crate::telemetry::mesh::Series;

/// One direction of a call that ztunnel handed over.
#[derive(Debug)]
pub(crate) struct Messages {
    framing: Framing,
    direction: Direction,
    series: Arc<Series>,
}

impl Messages {
    /// None yet.
    pub(crate) fn new(direction: Direction, series: Arc<Series>) -> Self {
        Self { framing: Framing::default(), direction, series }
    }

    /// Counts what begins in the next piece of the body.
    pub(crate) fn pass(&mut self, piece: &[u8]) {
        let begun = self.framing.pass(piece);
        if begun > 0 {
            self.series.messages(self.direction, begun);
        }
    }
}

impl Exchange<'_> {
    /// Counts a gRPC call's messages by the endpoint of the try that begins. What came before it is not counted twice.
    pub(crate) fn count_messages(&mut self) {
        let Some(series) = mesh_metrics::messages(&self.context) else { return };
        match &mut self.upload.messages {
            Some(messages) => messages.series = series.clone(),
            none => *none = Some(Messages::new(Direction::Request, series.clone())),
        }
        self.messages = Some(Messages::new(Direction::Response, series));
    }
}

/// Bytes of a prefix: one of flags, four of the message's length.
const PREFIX: u8 = 5;

/// How far one direction has come ("Length-Prefixed-Message" of gRPC over HTTP/2).
#[derive(Debug, Default)]
struct Framing {
    /// Bytes of the prefix that have come.
    prefix: u8,
    /// The message's bytes that are to come; meaningless within a prefix.
    left: u32,
}

impl Framing {
    /// Goes on by a piece. Answers how many prefixes came to their end in it.
    fn pass(&mut self, mut piece: &[u8]) -> u64 {
        let mut begun = 0;
        loop {
            if self.prefix == 0 {
                // A length that does not fit is beyond any piece.
                let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(piece.len());
                self.left -= u32::try_from(skipped).unwrap_or(self.left);
                piece = piece.get(skipped..).unwrap_or_default();
            }
            let Some((byte, rest)) = piece.split_first() else { return begun };
            piece = rest;
            // The flags are shifted out by the length.
            self.left = (self.left << 8) | u32::from(*byte);
            self.prefix += 1;
            if self.prefix == PREFIX {
                self.prefix = 0;
                begun += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(flags: u8, length: u32) -> Vec<u8> {
        let prefix = [&[flags][..], &length.to_be_bytes()].concat();
        [prefix, vec![0xff; usize::try_from(length).unwrap()]].concat()
    }

    fn count<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> u64 {
        let mut framing = Framing::default();
        pieces.into_iter().map(|piece| framing.pass(piece)).sum()
    }

    #[test]
    fn messages_are_counted_however_they_are_split() {
        let body = [message(0, 3), message(1, 0), message(0, 300), message(1, 70_000), message(0, 1)].concat();
        for size in [1, 2, 3, 4, 5, 6, 7, 16, 1_000, body.len()] {
            assert_eq!(count(body.chunks(size)), 5, "pieces of {size}");
        }
        for at in 0..20 {
            let (first, second) = body.split_at(at);
            assert_eq!(count([first, &[], second]), 5, "split at {at}");
        }
    }

    #[test]
    fn a_message_counts_from_its_whole_prefix_on() {
        assert_eq!(count([&b""[..]]), 0);
        assert_eq!(count([&b"\0\0\0\0"[..]]), 0);
        assert_eq!(count([&b"\0\0\0\0\x09"[..], b"abc"]), 1, "its end never came");
        assert_eq!(count([&b"\0\0\0\0\x01a\0\0\0"[..]]), 1);
    }

    #[test]
    fn lengths_are_counted_down_to_the_byte_up_to_the_longest() {
        let mut framing = Framing::default();
        assert_eq!(framing.pass(b"\x01\xff\xff\xff\xff"), 1);
        assert_eq!(framing.left, u32::MAX);
        assert_eq!(framing.pass(&[0; 1_000]), 0, "its bytes are no prefixes");
        assert_eq!(framing.left, u32::MAX - 1_000);
        framing.left = 3;
        assert_eq!(framing.pass(b"abc\0\0\0\0\0"), 1);
    }
}
