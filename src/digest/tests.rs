//! Known answers, and the `sha2` and `hmac` crates as the judges of everything else.

use std::iter;

use ::hmac::{Hmac, KeyInit, Mac};
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::compress::{Block, Job, fastest, singly};
use super::*;

/// Both ways, whatever this machine has.
const WAYS: [(&str, Compress); 2] = [("fastest", fastest), ("singly", singly)];

/// What NIST gives as examples (FIPS 180-4; CAVP `SHA256ShortMsg`), and a million times `a`.
fn known() -> Vec<(Vec<u8>, &'static str)> {
    let long =
        b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
    vec![
        (b"".to_vec(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc".to_vec(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".to_vec(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (long.to_vec(), "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"),
        (vec![0xd3], "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"),
        (vec![b'a'; 1_000_000], "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ]
}

fn cut(bytes: &[u8], piece_bytes: usize) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(piece_bytes.max(1))
}

fn hex(digest: &[u8]) -> String {
    HEXLOWER.encode(digest)
}

#[test]
fn the_published_examples_come_out_in_every_lane() {
    for (way, compress) in WAYS {
        for (message, expected) in known() {
            let (mut one, mut two, mut three) = (cut(&message, 8192), cut(&message, 63), cut(&message, 65));
            let found = digests_by(compress, [Message::new(&mut one), Message::new(&mut two), Message::new(&mut three)]);
            assert_eq!(found.map(|digest| hex(&digest)), [expected; 3], "{way}, {} bytes", message.len());
            assert_eq!(hex(&digest(iter::once(message.as_slice()))), expected);
        }
    }
}

/// RFC 4231, cases 1 to 4, 6 and 7.
#[test]
fn the_published_tags_come_out() {
    let long =
        b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed \
                 before being used by the HMAC algorithm.";
    let cases: [(&[u8], &[u8], &str); 6] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (
            &HEXLOWER.decode(b"0102030405060708090a0b0c0d0e0f10111213141516171819").unwrap(),
            &[0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (&[0xaa; 131], long, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ];
    for (key, message, expected) in cases {
        assert_eq!(hex(&HmacSha256::new(key).tag(iter::once(message))), expected);
    }
}

#[test]
fn nothing_of_a_key_is_printed() {
    let keyed = HmacSha256::new(b"secret");
    let mut content = iter::empty();
    assert_eq!(format!("{keyed:?} {:?}", keyed.message(&mut content)), "HmacSha256(..) Message(..)");
}

/// Every length around the ends of blocks, where the padding takes one block or two.
#[test]
fn every_length_of_three_blocks_is_right() {
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    for (way, compress) in WAYS {
        for length in 0..=192 {
            let (first, second) = (&bytes[..length], &bytes[64..64 + 192 - length]);
            let (mut one, mut two) = (cut(first, 64), cut(second, 100));
            let found = digests_by(compress, [Message::new(&mut one), Message::new(&mut two)]);
            let expected = [first, second].map(|message| <[u8; 32]>::from(Sha256::digest(message)));
            assert_eq!(found, expected, "{way}, {length}");
        }
    }
}

fn message() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    (proptest::collection::vec(any::<u8>(), 0..1500), proptest::collection::vec(0_usize..300, 0..12))
}

/// Cuts at random places; some pieces are empty.
fn pieces<'b>(mut bytes: &'b [u8], lengths: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    for length in lengths {
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

fn of<const N: usize>(compress: Compress, messages: &[(Vec<u8>, Vec<usize>)]) -> Vec<[u8; 32]> {
    let cut: Vec<Vec<&[u8]>> = messages.iter().map(|(bytes, lengths)| pieces(bytes, lengths)).collect();
    let mut iterators: [_; N] = std::array::from_fn(|lane| cut[lane].iter().copied());
    digests_by(compress, iterators.each_mut().map(|pieces| Message::new(pieces))).to_vec()
}

proptest! {
    #[test]
    fn any_messages_in_any_pieces_and_lanes_are_right(messages in proptest::collection::vec(message(), 5)) {
        let expected: Vec<[u8; 32]> = messages.iter().map(|(bytes, _)| Sha256::digest(bytes).into()).collect();
        for (way, compress) in WAYS {
            let found = [
                of::<0>(compress, &messages),
                of::<1>(compress, &messages),
                of::<2>(compress, &messages),
                of::<3>(compress, &messages),
                of::<4>(compress, &messages),
                of::<5>(compress, &messages),
            ];
            for (lanes, digests) in found.iter().enumerate() {
                prop_assert_eq!(digests.as_slice(), &expected[..lanes], "{}, {} lanes", way, lanes);
            }
        }
    }

    #[test]
    fn tags_are_those_of_the_crate(key in proptest::collection::vec(any::<u8>(), 0..200), (bytes, lengths) in message()) {
        let expected: [u8; 32] = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(&bytes).finalize().into_bytes().into();
        let keyed = HmacSha256::new(&key);
        let cut = pieces(&bytes, &lengths);
        prop_assert_eq!(keyed.tag(cut.iter().copied()), expected);
        // Beside another message, as a delivery's is.
        let (mut content, mut other) = (cut.iter().copied(), cut.iter().copied());
        let [inner, beside] = digests([keyed.message(&mut content), Message::new(&mut other)]);
        prop_assert_eq!(keyed.finish(&inner), expected);
        prop_assert_eq!(beside, <[u8; 32]>::from(Sha256::digest(&bytes)));
    }

    #[test]
    fn states_in_the_middle_are_those_of_the_crate(states in any::<[State; 3]>(), bytes in any::<[u8; 9 * 64]>()) {
        let blocks: &[Block] = bytes.as_chunks().0;
        let jobs = |states: &mut [State; 3], compress: Compress| {
            let [one, two, three] = states;
            let job = |state, from: usize| Job { state, blocks: &blocks[from..from + 3] };
            compress(&mut [job(one, 0), job(two, 3), job(three, 6)]);
        };
        let (mut found, mut expected) = (states, states);
        jobs(&mut found, fastest);
        jobs(&mut expected, singly);
        prop_assert_eq!(found, expected);
    }
}
