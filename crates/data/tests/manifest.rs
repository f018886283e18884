//! Manifests find their records again whatever left the source, and survive the disk only unaltered.

use proptest::prelude::*;
use rescind_data::*;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const VALUES: [f32; 8] = [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 6.0, 7.0];
const LABELS: [u32; 4] = [0, 1, 0, 1];
const SECRET: [u8; 32] = [9; 32];

fn table(values: &[f32], labels: &[u32]) -> Dataset {
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    Dataset::new("table", vec![2], classes, values.to_vec(), labels.to_vec()).unwrap()
}

fn manifest(dataset: &Dataset) -> Manifest {
    Manifest::new(dataset, "here", Digest::from(SECRET), HeldOut::NONE).unwrap()
}

fn named(values: &[f32], labels: &[u32], subjects: &[&str]) -> Dataset {
    let subjects = subjects.iter().map(|&name| name.to_owned()).collect();
    table(values, labels).with_subjects(subjects).unwrap()
}

fn selection(positions: &[usize]) -> Selection {
    Selection::new(4, positions.to_vec()).unwrap()
}

#[test]
fn the_same_records_are_found_under_another_name_and_in_another_order() {
    let manifest = manifest(&table(&VALUES, &LABELS));
    let classes = vec!["no".to_owned(), "yes".to_owned()];
    let renamed = Dataset::new("other", vec![2], classes, VALUES.to_vec(), LABELS.to_vec());
    let placed = manifest
        .place(renamed.unwrap(), &Selection::all(4))
        .unwrap();
    assert_eq!((placed.unlisted, placed.dataset.inputs()), (0, &VALUES[..]));
    let turned: Vec<f32> = VALUES.chunks(2).rev().flatten().copied().collect();
    let placed = manifest.place(table(&turned, &[1, 0, 1, 0]), &Selection::all(4));
    assert_eq!(placed.unwrap().dataset.inputs(), VALUES);
}

#[test]
fn records_that_are_not_required_may_leave_be_blanked_or_be_joined_by_others() {
    let manifest = manifest(&table(&VALUES, &LABELS));
    let required = selection(&[0, 2, 3]);
    let without = [0.0, 1.0, 0.0, 1.0, 6.0, 7.0];
    let placed = manifest
        .place(table(&without, &[0, 0, 1]), &required)
        .unwrap();
    assert_eq!((placed.dataset.absent(), placed.unlisted), (&[1][..], 0));
    assert_eq!(placed.dataset.labels(), LABELS, "its class is still known");
    assert_eq!(placed.dataset.input(1), None);
    assert_eq!(placed.dataset.input(3), Some(&[6.0, 7.0][..]));
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    let copied = placed.dataset.copy_batch(&[0, 1], &mut inputs, &mut labels);
    assert_eq!(copied, Err(DatasetError::Absent { position: 1 }));
    placed.dataset.check_present(&required).unwrap();
    let all = placed.dataset.check_present(&Selection::all(4));
    assert_eq!(all, Err(DatasetError::Absent { position: 1 }));

    let blanked = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 6.0, 7.0, 8.0, 9.0];
    let placed = manifest
        .place(table(&blanked, &[0, 1, 0, 1, 1]), &required)
        .unwrap();
    assert_eq!((placed.dataset.absent(), placed.unlisted), (&[1][..], 2));
}

#[test]
fn what_is_left_of_copies_is_the_one_still_needed() {
    // Records 0 and 2 are copies.
    let manifest = manifest(&table(&VALUES, &LABELS));
    let without = [2.0, 3.0, 0.0, 1.0, 6.0, 7.0];
    for needed in [0, 2] {
        let required = selection(&[needed, 1, 3]);
        let placed = manifest
            .place(table(&without, &[1, 0, 1]), &required)
            .unwrap();
        assert_eq!(placed.dataset.absent(), [2 - needed]);
    }
}

#[test]
fn required_records_that_changed_or_left_are_named() {
    let manifest = manifest(&table(&VALUES, &LABELS));
    let all = Selection::all(4);
    let missing = |loaded: Dataset| match manifest.place(loaded, &all).unwrap_err() {
        ManifestError::Missing {
            count,
            positions,
            unknown,
        } => (count, positions.to_string(), unknown),
        other => panic!("{other}"),
    };
    let mut values = VALUES;
    values[3] = 3.5;
    values[7] = 7.5;
    assert_eq!(missing(table(&values, &LABELS)), (2, "1,3".to_owned(), 2));
    assert_eq!(
        missing(table(&VALUES, &[0, 1, 1, 1])),
        (1, "2".to_owned(), 1)
    );
    assert_eq!(
        missing(table(&VALUES[..6], &LABELS[..3])),
        (1, "3".to_owned(), 0)
    );

    let subjects = ["a", "b", "a", "c"];
    let of_people = self::manifest(&named(&VALUES, &LABELS, &subjects));
    let other = named(&VALUES, &LABELS, &["a", "b", "x", "c"]);
    let error = of_people.place(other, &all).unwrap_err();
    assert!(error.to_string().contains("--records 2"), "{error}");
    of_people
        .place(named(&VALUES, &LABELS, &subjects), &all)
        .unwrap();
}

#[test]
fn another_shape_other_classes_and_standardised_values_are_refused() {
    let dataset = table(&VALUES, &LABELS);
    let manifest = manifest(&dataset);
    let make = |shape: Vec<usize>, names: [&str; 2]| {
        let classes = names.map(str::to_owned).to_vec();
        Dataset::new("table", shape, classes, VALUES.to_vec(), LABELS.to_vec()).unwrap()
    };
    let all = Selection::all(4);
    let error = manifest
        .place(make(vec![1, 2], ["no", "yes"]), &all)
        .unwrap_err();
    assert!(matches!(error, ManifestError::Shape { .. }), "{error}");
    let error = manifest
        .place(make(vec![2], ["no", "oui"]), &all)
        .unwrap_err();
    assert!(matches!(error, ManifestError::Classes { .. }), "{error}");
    let mut scaled = dataset.clone();
    let scaling = Standardisation::computed_on(&dataset, &all).unwrap();
    scaling.apply(&mut scaled).unwrap();
    let secret = Digest::from(SECRET);
    let refused = Manifest::new(&scaled, "here", secret, HeldOut::NONE);
    assert_eq!(refused, Err(ManifestError::Standardised));
    assert_eq!(
        manifest.place(scaled, &all),
        Err(ManifestError::Standardised)
    );
}

fn open(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    Manifest::open(Cursor::new(bytes.to_vec()))
}

#[test]
fn written_manifests_are_read_back_and_refused_when_altered() {
    let plain = table(&VALUES, &LABELS);
    let people = named(&VALUES, &LABELS, &["alice", "bob", "alice", "carol"]);
    for dataset in [plain, people] {
        let secret = Digest::from(SECRET);
        let held_out = HeldOut {
            fraction: 0.3,
            seed: 5,
        };
        let manifest = Manifest::new(&dataset, "csv:people.csv?label=ill", secret, held_out);
        let manifest = manifest.unwrap();
        let bytes = manifest.to_bytes().unwrap();
        let read = open(&bytes).unwrap();
        assert_eq!(read, manifest);
        assert_eq!(read.to_bytes().unwrap(), bytes);
        assert!(!String::from_utf8_lossy(&bytes).contains("alice"));
        assert!(open(&bytes[..bytes.len() - 1]).is_err());
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(open(&longer).is_err());
        // In the head, of which the root is.
        let at = place_of(&bytes, b"people.csv");
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        let error = open(&altered).unwrap_err();
        assert!(matches!(error, ManifestError::Root { .. }), "{error}");
        // On a page, which is found when it is read, and by whoever checks all.
        let at = place_of(&bytes, manifest.pseudonym(1).unwrap().as_bytes());
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        let read = open(&altered).unwrap();
        let expected = ManifestError::Altered { list: "records" };
        assert_eq!(read.pseudonym(1), Err(expected.clone()));
        assert_eq!(read.check(), Err(expected));
        assert_eq!(open(&bytes).unwrap().check(), Ok(()));
    }
}

fn place_of(bytes: &[u8], part: &[u8]) -> usize {
    let mut windows = bytes.windows(part.len());
    windows.position(|window| window == part).unwrap()
}

/// A file that counts what is read of it.
struct Counted(Cursor<Vec<u8>>, Arc<AtomicUsize>);

impl Read for Counted {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(to)?;
        self.1.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// Many records of few people, a few of whom have many; of lines with gaps.
fn many() -> (Manifest, Vec<Digest>, Vec<String>) {
    let identities: Vec<Digest> = (0..20_000_u64)
        .map(|at| Digest::from(*blake3::hash(&(at % 19_990).to_le_bytes()).as_bytes()))
        .collect();
    let subjects: Vec<String> = (0..20_000_u64)
        .map(|at| format!("s{}", if at % 3 == 0 { 0 } else { at / 2 }))
        .collect();
    let secret = Digest::from(SECRET);
    let held_out = HeldOut::NONE;
    let named = Some(&*subjects);
    let made = Manifest::of_identities("many", identities.clone(), named, secret, held_out);
    (made.unwrap(), identities, subjects)
}

#[test]
fn whoever_is_looked_for_is_found_on_the_pages_that_they_are_on() {
    let (made, identities, subjects) = many();
    let bytes = made.to_bytes().unwrap();
    let whole = bytes.len();
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Counted(Cursor::new(bytes), Arc::clone(&read));
    let opened = Manifest::open(counted).unwrap();
    let at_first = read.load(Ordering::Relaxed);
    assert!(at_first < whole / 100, "{at_first} of {whole} to open it");
    assert_eq!(
        opened.of_identity(&identities[12_345]).unwrap().positions(),
        [12_345]
    );
    let found = opened.of_subject("s5000").unwrap().unwrap();
    assert_eq!(found.positions(), [10_000, 10_001]);
    let few = read.load(Ordering::Relaxed);
    assert!(few < whole / 10, "{few} of {whole} for two");

    // All of them are those that going through all finds.
    for manifest in [&made, &opened] {
        for at in [0, 5, 9_989, 19_989, 19_995] {
            let like = (0..20_000).filter(|&other| identities[other] == identities[at]);
            let found = manifest.of_identity(&identities[at]).unwrap();
            assert_eq!(found.positions(), like.collect::<Vec<_>>());
        }
        for subject in ["s0", "s1", "s9999", "nobody"] {
            let theirs = (0..20_000).filter(|&at| subjects[at] == subject);
            let found = manifest.of_subject(subject).unwrap().unwrap();
            assert_eq!(found.positions(), theirs.collect::<Vec<_>>());
        }
        assert_eq!(manifest.lists(&identities, Some(&subjects)), Ok(true));
        let mut other = subjects.clone();
        other[19_999] = "x".to_owned();
        assert_eq!(manifest.lists(&identities, Some(&other)), Ok(false));
        assert_eq!(manifest.lists(&identities, None), Ok(false));
        assert_eq!(manifest.lists(&identities[1..], None), Ok(false));
    }
    assert_eq!(opened.check(), Ok(()));
    assert_eq!(
        read.load(Ordering::Relaxed),
        whole,
        "each page is read once"
    );
}

#[test]
fn a_file_that_is_gone_is_told_as_such() {
    struct Gone(Cursor<Vec<u8>>, Arc<AtomicUsize>);
    impl Read for Gone {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            match self.1.load(Ordering::Relaxed) {
                0 => self.0.read(to),
                _ => Err(io::Error::other("the disk is gone")),
            }
        }
    }
    impl Seek for Gone {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }
    let (made, ..) = many();
    let gone = Arc::new(AtomicUsize::new(0));
    let bytes = Cursor::new(made.to_bytes().unwrap());
    let opened = Manifest::open(Gone(bytes, Arc::clone(&gone))).unwrap();
    opened.pseudonym(0).unwrap();
    gone.store(1, Ordering::Relaxed);
    // What was read is known.
    opened.pseudonym(1).unwrap();
    let error = opened.pseudonym(19_999).unwrap_err();
    assert!(matches!(error, ManifestError::Unread { .. }), "{error}");
    assert!(error.to_string().contains("the disk is gone"), "{error}");
}

#[test]
fn without_its_secret_a_manifest_confirms_no_guess() {
    // The same records, and one more candidate: neither pseudonyms nor root say which it was.
    let dataset = table(&VALUES, &LABELS);
    let ours = manifest(&dataset);
    let theirs = Manifest::new(&dataset, "here", Digest::from([8; 32]), HeldOut::NONE).unwrap();
    assert_ne!(ours.root(), theirs.root());
    let all = |manifest: &Manifest| manifest.hashes_of(&Selection::all(4)).unwrap();
    let their_own = all(&theirs);
    assert!(all(&ours).iter().all(|own| !their_own.contains(own)));
    let secret = Digest::from(SECRET).to_string();
    let shown = format!("{ours:?}");
    assert!(!shown.contains(&secret) && !shown.contains(&all(&ours)[0].to_string()));
    let content = record_hash(&[2], "no", &VALUES[..2]);
    assert!(!all(&ours).contains(&content));
    assert_eq!(ours.of_identity(&content).unwrap().positions(), [0, 2]);
}

#[test]
fn duplicates_left_behind_are_found() {
    let values = [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 0.0, 1.0];
    // Records 0 and 2 are the same; 3 has their values but another class.
    let manifest = manifest(&table(&values, &[0, 1, 0, 1]));
    let forget = selection(&[0]);
    let copies = manifest.duplicates_outside(&forget, &forget.complement());
    assert_eq!(copies.unwrap().positions(), [2]);
    let both = selection(&[0, 2]);
    let copies = manifest.duplicates_outside(&both, &both.complement());
    assert!(copies.unwrap().is_empty());
    let error = manifest.duplicates_outside(&forget, &Selection::all(5));
    let (found, expected) = (5, 4);
    assert_eq!(error, Err(ManifestError::Count { found, expected }));
}

proptest! {
    #[test]
    fn whatever_leaves_and_joins_the_required_records_are_where_they_were(
        kept in prop::collection::vec(any::<bool>(), 1..30), joined in 0_usize..4, seed: u64,
    ) {
        let n = kept.len();
        // Few different values, so that there are copies.
        let of = |at: usize| (seed >> (at % 60)) as f32 % 3.0;
        let all: Vec<f32> = (0..n).flat_map(|at| [of(at), 1.0]).collect();
        let manifest = manifest(&table(&all, &vec![0; n]));
        let stay: Vec<usize> = (0..n).filter(|&at| kept[at]).collect();
        let mut values: Vec<f32> = stay.iter().flat_map(|&at| [of(at), 1.0]).collect();
        values.extend(vec![7.5; 2 * joined]);
        let labels = vec![0; stay.len() + joined];
        let required = Selection::new(n, stay).unwrap();
        let placed = manifest.place(table(&values, &labels), &required).unwrap();
        for &at in required.positions() {
            prop_assert_eq!(placed.dataset.input(at), Some(&[of(at), 1.0][..]));
        }
        prop_assert_eq!(placed.unlisted, joined);
        prop_assert_eq!(placed.dataset.absent().len(), n - required.len());
    }
}

#[test]
fn altered_bytes_are_found_and_never_panic() {
    let bytes = manifest(&named(&VALUES, &LABELS, &["a", "b", "a", "c"]));
    let bytes = bytes.to_bytes().unwrap();
    for at in 0..bytes.len() {
        for value in [0, 0x5f, 0x7f, 0x9b, 0xbb, 0xff] {
            let mut altered = bytes.clone();
            altered[at] = value;
            if altered != bytes {
                let found = open(&altered).and_then(|read| read.check());
                assert!(found.is_err(), "byte {at} is now {value}");
            }
        }
    }
}
