//! A request's body, kept for another try as long as it is small.

use bytes::Bytes;

/// The pieces so far, or that they are too many.
#[derive(Debug)]
pub(crate) struct Replay {
    pieces: Vec<Bytes>,
    size: usize,
    limit: usize,
    overflowed: bool,
}

impl Replay {
    /// Keeps up to `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { pieces: Vec::new(), size: 0, limit, overflowed: false }
    }

    /// Keeps a piece, or gives up keeping.
    pub(crate) fn keep(&mut self, piece: &Bytes) {
        self.size = self.size.saturating_add(piece.len());
        if self.size > self.limit {
            self.give_up();
        } else if !self.overflowed {
            self.pieces.push(piece.clone());
        }
    }

    /// No other try will be made: what is kept is let go.
    pub(crate) fn give_up(&mut self) {
        self.overflowed = true;
        self.pieces = Vec::new();
    }

    /// Whether the whole body so far is kept.
    pub(crate) fn is_whole(&self) -> bool {
        !self.overflowed
    }

    /// A piece, from 0.
    pub(crate) fn piece(&self, index: usize) -> Option<&Bytes> {
        self.pieces.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_within_the_limit_is_kept_whole_and_a_larger_one_not_at_all() {
        let mut replay = Replay::new(4);
        replay.keep(&Bytes::from_static(b"ab"));
        replay.keep(&Bytes::from_static(b"cd"));
        assert!(replay.is_whole() && replay.piece(1).is_some_and(|piece| piece == "cd"));
        replay.keep(&Bytes::from_static(b"e"));
        assert!(!replay.is_whole() && replay.piece(0).is_none());
        replay.keep(&Bytes::from_static(b"f"));
        assert!(replay.piece(0).is_none());
    }
}
