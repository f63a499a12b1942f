//! Headers as captured on a real mesh, and whatever else may come.

use proptest::prelude::*;

use super::*;

/// Captured from ztunnel: a client pod at 10.244.0.9:48110 that dialled the ClusterIP 10.96.77.77:80.
const CAPTURED: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x39\x0a\xf4\x00\x09\x0a\x60\x4d\x4d\xbb\xee\x00\x50\xd0\x00\x2aspiffe://cluster.local/ns/my-ns/sa/default";

fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, body].concat()
}

fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
}

/// From 10.0.0.1:1 to 10.0.0.2:80.
const V4: &[u8] = &[10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 80];

const ID: &[u8] = b"spiffe://td/ns/shop/sa/cart";

#[test]
fn a_captured_header_is_read_whole_and_the_request_behind_it_is_left() {
    let (header, taken) = parse(&[CAPTURED, b"GET / HTTP/1.1\r\n"].concat()).unwrap().unwrap();
    assert_eq!(taken, CAPTURED.len());
    assert_eq!(header.source, "10.244.0.9:48110".parse().unwrap());
    assert_eq!(header.destination, "10.96.77.77:80".parse().unwrap());
    assert_eq!(header.identity.unwrap().as_str(), "spiffe://cluster.local/ns/my-ns/sa/default");
}

/// What captured.txt has: source, dialled, identity and bytes.
fn captured() -> impl Iterator<Item = (&'static str, &'static str, &'static str, Vec<u8>)> {
    let lines = include_str!("captured.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let mut words = line.split(' ');
        let (source, dialled) = (words.next().unwrap(), words.next().unwrap());
        let (identity, hex) = (words.next().unwrap(), words.next().unwrap());
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (source, dialled, identity, (0..hex.len()).step_by(2).map(byte).collect())
    })
}

#[test]
fn what_a_real_ztunnel_sent_is_read() {
    assert_eq!(captured().count(), 5);
    for (source, dialled, identity, bytes) in captured() {
        let (header, taken) = parse(&bytes).unwrap().unwrap();
        assert_eq!(taken, bytes.len());
        assert_eq!((header.source, header.destination), (source.parse().unwrap(), dialled.parse().unwrap()));
        assert_eq!(header.identity.unwrap().as_str(), identity);
    }
}

#[test]
fn every_beginning_of_a_header_waits_for_more() {
    for end in 0..CAPTURED.len() {
        assert_eq!(parse(&CAPTURED[..end]), Ok(None), "{end}");
    }
}

#[test]
fn ipv6_is_read_and_an_ipv4_address_in_it_is_one() {
    let from: Ipv6Addr = "fd00::1".parse().unwrap();
    let to: Ipv6Addr = "::ffff:10.0.0.2".parse().unwrap();
    let body = [&from.octets()[..], &to.octets(), &[0, 1, 0, 80]].concat();
    let (header, _) = parse(&header(PROXY, TCP6, &body)).unwrap().unwrap();
    assert_eq!(header.source, "[fd00::1]:1".parse().unwrap());
    assert_eq!(header.destination, "10.0.0.2:80".parse().unwrap());
    assert_eq!(header.identity, None);
}

#[test]
fn fields_of_other_types_are_passed_over() {
    let fields = [field(0xD1, b"name"), field(0x04, b""), field(IDENTITY, ID), field(0xEE, &[0; 900])].concat();
    let (header, _) = parse(&header(PROXY, TCP4, &[V4, &fields].concat())).unwrap().unwrap();
    assert_eq!(
        header.identity.map(|identity| identity.as_str().to_owned()).as_deref(),
        Some("spiffe://td/ns/shop/sa/cart")
    );
}

#[test]
fn what_is_no_such_header_is_refused_by_its_reason() {
    use InboundRefusal::{Local, Malformed, NoAddress, NoHeader, TooLarge};
    let twice = [V4, &field(IDENTITY, ID), &field(IDENTITY, ID)].concat();
    let cut = [V4, &field(IDENTITY, ID)[..9]].concat();
    for (bytes, refusal) in [
        (b"PROXY TCP4 10.0.0.1 10.0.0.2 1 80\r\n".to_vec(), NoHeader),
        (b"G".to_vec(), NoHeader),
        (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), NoHeader),
        (header(LOCAL, 0, b""), Local),
        (header(0x11, TCP4, V4), Malformed),
        (header(0x22, TCP4, V4), Malformed),
        (header(PROXY, 0x00, b""), NoAddress),
        (header(PROXY, 0x01, &field(IDENTITY, ID)), NoAddress),
        (header(PROXY, 0x12, V4), Malformed),
        (header(PROXY, 0x31, &[0; 216]), Malformed),
        (header(PROXY, TCP4, &V4[..11]), Malformed),
        (header(PROXY, TCP6, V4), Malformed),
        (header(PROXY, TCP4, &[V4, &[IDENTITY]].concat()), Malformed),
        (header(PROXY, TCP4, &[V4, &[IDENTITY, 0]].concat()), Malformed),
        (header(PROXY, TCP4, &cut), Malformed),
        (header(PROXY, TCP4, &twice), Malformed),
        (header(PROXY, TCP4, &[V4, &field(IDENTITY, b"cluster.local/ns/a/sa/b")].concat()), Malformed),
        (header(PROXY, TCP4, &[0; LONGEST + 1]), TooLarge),
    ] {
        assert_eq!(parse(&bytes), Err(refusal), "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_cannot_be_mended_is_told_before_all_has_come() {
    let whole = header(PROXY, 0x01, &[0; 100]);
    assert_eq!(parse(&whole[..FIXED]), Err(InboundRefusal::NoAddress));
    let whole = header(PROXY, TCP4, &[0; LONGEST + 1]);
    assert_eq!(parse(&whole[..FIXED]), Err(InboundRefusal::TooLarge));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        let _ = parse(&[SIGNATURE, &bytes[..]].concat());
        let _ = parse(&header(PROXY, TCP4, &bytes));
        let _ = parse(&header(PROXY, TCP6, &bytes));
    }

    /// One changed byte never makes it take more than is there, nor another identity than the one that is written.
    #[test]
    fn a_changed_byte_is_no_way_to_another_identity(at in 0..CAPTURED.len(), byte in any::<u8>()) {
        let mut bytes = CAPTURED.to_vec();
        bytes[at] = byte;
        if let Ok(Some((header, taken))) = parse(&bytes) {
            prop_assert!(taken <= bytes.len());
            if let Some(identity) = header.identity {
                prop_assert!(bytes.windows(identity.as_str().len()).any(|part| part == identity.as_str().as_bytes()));
            }
        }
    }
}
