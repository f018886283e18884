//! Pickles that Python wrote, and those that nobody should have.

use proptest::prelude::*;
use rescind_pickle::{Node, PickleError, read};

/// `pickle.dumps({'a': [1, -2, 300, 2**40], 'b': (None, True, 0.5), 'c': b'xy'}, protocol)`.
const BY_PYTHON: [(u8, &[u8]); 2] = [
    (
        2,
        b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM,\x01\x8a\x06\x00\x00\x00\x00\x00\x01eX\x01\x00\x00\x00bq\x03N\x88G?\xe0\x00\x00\x00\x00\x00\x00\x87q\x04X\x01\x00\x00\x00cq\x05c_codecs\nencode\nq\x06X\x02\x00\x00\x00xyq\x07X\x06\x00\x00\x00latin1q\x08\x86q\tRq\nu.",
    ),
    (
        4,
        b"\x80\x04\x95;\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01J\xfe\xff\xff\xffM,\x01\x8a\x06\x00\x00\x00\x00\x00\x01e\x8c\x01b\x94N\x88G?\xe0\x00\x00\x00\x00\x00\x00\x87\x94\x8c\x01c\x94C\x02xy\x94u.",
    ),
];

#[test]
fn what_python_writes_is_read() {
    for (protocol, file) in BY_PYTHON {
        let pickle = read(file).unwrap();
        let of = |key| pickle.get(pickle.root(), key).unwrap();
        let numbers = pickle.items(of("a")).iter().map(|&id| pickle.integer(id));
        let expected = [1, -2, 300, 1 << 40].map(Some);
        assert_eq!(numbers.collect::<Vec<_>>(), expected, "{protocol}");
        let [none, yes, half] = *pickle.items(of("b")) else {
            panic!("{protocol}")
        };
        assert_eq!(*pickle.node(none), Node::None);
        assert_eq!(*pickle.node(yes), Node::Bool(true));
        assert_eq!(*pickle.node(half), Node::Float(0.5));
        match *pickle.node(of("c")) {
            Node::Bytes(bytes) => assert_eq!((protocol, bytes), (4, &b"xy"[..])),
            // Protocol 2 writes bytes as a call, which is kept as one.
            Node::Call {
                function,
                arguments,
                ..
            } => {
                assert_eq!(pickle.global(function).unwrap(), "_codecs.encode");
                assert_eq!(pickle.bytes(pickle.items(arguments)[0]), Some(&b"xy"[..]));
            }
            ref other => panic!("{other:?}"),
        }
    }
}

/// `os.system("...")`: kept as data.
#[test]
fn calls_are_not_made() {
    let pickle = read(b"cos\nsystem\n(X\x08\x00\x00\x00touch /xtR.").unwrap();
    let Node::Call { function, .. } = *pickle.node(pickle.root()) else {
        panic!()
    };
    assert_eq!(pickle.global(function).unwrap(), "os.system");
}

/// A million lists in each other, a list in itself, and the doubling of a list.
#[test]
fn depth_cycles_and_sharing_cost_no_more_than_their_bytes() {
    let mut deep = vec![b']'; 1_000_000];
    deep.extend([b'a'; 999_999]);
    deep.push(b'.');
    assert_eq!(
        read(&deep)
            .unwrap()
            .items(read(&deep).unwrap().root())
            .len(),
        1
    );
    let pickle = read(b"]q\x00h\x00a.").unwrap();
    assert_eq!(pickle.items(pickle.root()), [pickle.root()]);
    let mut laughs = b"]q\x00".to_vec();
    for _ in 0..1000 {
        laughs.extend(b"](h\x00h\x00eq\x00");
    }
    laughs.push(b'.');
    assert_eq!(
        read(&laughs)
            .unwrap()
            .items(read(&laughs).unwrap().root())
            .len(),
        2
    );
}

#[test]
fn lengths_that_lie_and_missing_values_are_refused() {
    assert_eq!(
        read(b"T\xff\xff\xff\x7fab").unwrap_err(),
        PickleError::Cut { at: 5 }
    );
    assert_eq!(read(b"").unwrap_err(), PickleError::Cut { at: 0 });
    assert_eq!(read(b"a.").unwrap_err(), PickleError::Stack { at: 1 });
    assert_eq!(read(b"K\x01(a.").unwrap_err(), PickleError::Stack { at: 4 });
    let unknown = read(b"\xff").unwrap_err();
    assert_eq!(unknown, PickleError::Instruction { at: 0, code: 0xff });
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    #[test]
    fn mutated_files_are_read_or_refused(at in 0_usize..130, byte: u8, cut in 0_usize..200) {
        let mut bytes = BY_PYTHON[0].1.to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(cut);
        if let Ok(pickle) = read(&bytes) {
            prop_assert!(cut > 0);
            let _ = pickle.get(pickle.root(), "a");
        }
    }
}
