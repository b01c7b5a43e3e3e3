//! The spool's files: whatever happens to them, what comes out is what went in, from its beginning on, in order.

use proptest::prelude::*;
use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use talia_voice::store::{Found, Owner, Spool};
use tempfile::TempDir;

const OURS: Owner = [7; 16];
const NO_LIMIT: u64 = u64::MAX;
/// What stands before the first record, and before the bytes of each.
const HEADER: usize = 64;
const PREFIX: usize = 12;

fn open(folder: &Path, name: u32) -> (Spool, Found) {
    open_as(folder, name, (OURS, NO_LIMIT))
}

fn open_as(folder: &Path, name: u32, whose: (Owner, u64)) -> (Spool, Found) {
    Spool::open(folder, &format!("{name:08}"), whose, |_| true).expect("a spool")
}

fn put(spool: &mut Spool, records: &[Vec<u8>]) -> std::io::Result<()> {
    spool.append(records.iter().map(Vec::as_slice))
}

/// All that waits, forgotten as it is read.
fn drained(spool: &mut Spool) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while spool.waiting() > 0 {
        let taken = spool.oldest(3).expect("a read");
        spool.done(&taken, taken.records.len()).expect("forgotten");
        all.extend(taken.records);
    }
    all
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).expect("a folder");
    let mut all: Vec<PathBuf> = all.map(|file| file.expect("a file").path()).collect();
    all.retain(|path| path.extension().is_some_and(|has| has == ending));
    all.sort();
    all
}

/// As text is: no byte of it is zero.
fn some_records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(1_u8.., 1..60), 1..12)
}

/// A file that a dead process left, with these records.
fn left(folder: &Path, records: &[Vec<u8>]) -> PathBuf {
    let (mut spool, _) = open(folder, 0);
    put(&mut spool, records).expect("room");
    drop(spool);
    files(folder, "spool").pop().expect("a file")
}

/// How many records stand whole before this place of a file.
fn whole_before(records: &[Vec<u8>], place: usize) -> usize {
    let ends = records.iter().scan(HEADER, |end, record| {
        *end += PREFIX + record.len();
        Some(*end)
    });
    ends.take_while(|end| *end <= place).count()
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Vec<u8>>),
    Work { at_most: usize, done: usize },
    Die,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => some_records().prop_map(Step::Append),
        3 => (1_usize..6, 0_usize..6).prop_map(|(at_most, done)| Step::Work { at_most, done }),
        1 => Just(Step::Die),
    ];
    prop::collection::vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However records come, are read, and processes die in between.
    #[test]
    fn it_is_a_queue_that_outlives_its_processes(steps in steps()) {
        let folder = TempDir::new().expect("a folder");
        let mut model: VecDeque<Vec<u8>> = VecDeque::new();
        let (mut spool, mut name) = (open(folder.path(), 0).0, 0);
        for step in steps {
            match step {
                Step::Append(records) => {
                    put(&mut spool, &records).expect("room");
                    model.extend(records);
                }
                Step::Work { at_most, done } => {
                    let taken = spool.oldest(at_most).expect("a read");
                    prop_assert_eq!(taken.records.is_empty(), model.is_empty());
                    prop_assert!(taken.records.iter().eq(model.iter().take(taken.records.len())));
                    let done = done.min(taken.records.len());
                    spool.done(&taken, done).expect("forgotten");
                    model.drain(..done);
                }
                Step::Die => {
                    drop(spool);
                    name += 1;
                    let (next, found) = open(folder.path(), name);
                    prop_assert_eq!(found, Found { records: model.len() as u64, ..Found::default() });
                    spool = next;
                }
            }
            prop_assert_eq!(spool.waiting(), model.len() as u64);
            prop_assert_eq!(spool.bytes() == 0, model.is_empty());
        }
        prop_assert_eq!(drained(&mut spool), Vec::from(model));
        spool.close().expect("closed");
        prop_assert!(std::fs::read_dir(folder.path()).expect("a folder").next().is_none());
    }

    /// A machine dies while it writes: whatever part of the file there is.
    #[test]
    fn a_file_that_is_cut_anywhere_gives_what_is_whole(records in some_records(), cut in any::<prop::sample::Index>(), zeros in 0_u64..40) {
        let folder = TempDir::new().expect("a folder");
        let path = left(folder.path(), &records);
        let length = std::fs::metadata(&path).expect("a file").len();
        let cut = cut.index(length as usize + 1);
        let file = OpenOptions::new().write(true).open(&path).expect("a file");
        file.set_len(cut as u64).expect("cut");
        // The file may have grown before it was written.
        file.set_len(cut as u64 + zeros).expect("zeros");
        drop(file);
        let (mut spool, found) = open(folder.path(), 1);
        let whole = whole_before(&records, cut);
        if cut >= HEADER {
            prop_assert_eq!(found.damaged, 0);
            prop_assert_eq!(drained(&mut spool), records[..whole].to_vec());
            let on_the_edge = cut == HEADER || whole_before(&records, cut - 1) < whole;
            prop_assert_eq!(found.torn == 0, on_the_edge && zeros == 0);
        } else {
            prop_assert_eq!(drained(&mut spool), Vec::<Vec<u8>>::new());
        }
    }

    /// A disk forgets: whatever byte is another one.
    #[test]
    fn what_is_whole_before_a_damage_is_kept_and_the_rest_set_aside(records in some_records(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let folder = TempDir::new().expect("a folder");
        let path = left(folder.path(), &records);
        let mut bytes = std::fs::read(&path).expect("a file");
        let at = HEADER + at.index(bytes.len() - HEADER);
        bytes[at] ^= flip;
        std::fs::write(&path, &bytes).expect("a file");
        let (mut spool, found) = open(folder.path(), 1);
        let whole = whole_before(&records, at);
        prop_assert_eq!(drained(&mut spool), records[..whole].to_vec());
        prop_assert_eq!(found.torn + found.damaged, 1);
        if found.damaged == 1 {
            let aside = files(folder.path(), "damaged").pop().expect("a file");
            let end = HEADER + records[..whole].iter().map(|record| PREFIX + record.len()).sum::<usize>();
            prop_assert_eq!(std::fs::read(&aside).expect("bytes"), &bytes[end..]);
            prop_assert_eq!(std::fs::metadata(&aside).expect("a file").permissions().mode() & 0o777, 0o600);
        }
        // Only the last one may have been on its way.
        prop_assert!(found.damaged == 1 || whole + 1 == records.len());
        drop(spool);
        prop_assert_eq!(open(folder.path(), 2).1, Found::default());
    }
}

fn records(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    numbers.map(|number| format!("record {number}").into_bytes()).collect()
}

#[test]
fn a_place_that_was_lost_means_that_everything_is_read_once_more() {
    let folder = TempDir::new().expect("a folder");
    let (mut spool, _) = open(folder.path(), 0);
    put(&mut spool, &records(0..5)).expect("room");
    let taken = spool.oldest(2).expect("a read");
    spool.done(&taken, 2).expect("forgotten");
    drop(spool);
    let (spool, found) = open(folder.path(), 1);
    assert_eq!(found.records, 3);
    drop(spool);
    for garbage in [[0_u8; 12], [255; 12], *b"\x50\0\0\0\0\0\0\0abcd"] {
        let path = files(folder.path(), "spool").remove(0);
        let file = OpenOptions::new().write(true).open(path).expect("a file");
        file.write_all_at(&garbage, 48).expect("written");
        drop(file);
        let (spool, found) = open(folder.path(), 1);
        assert_eq!((found.records, found.damaged), (5, 0));
        drop(spool);
    }
}

#[test]
fn what_another_process_holds_is_let_alone_and_what_it_leaves_is_taken_over() {
    let folder = TempDir::new().expect("a folder");
    let (mut first, _) = open(folder.path(), 0);
    put(&mut first, &records(0..2)).expect("room");
    let (mut second, found) = open(folder.path(), 1);
    assert_eq!(found, Found::default());
    put(&mut second, &records(2..4)).expect("room");
    drop(first);
    drop(second);
    let (mut third, found) = open(folder.path(), 2);
    assert_eq!(found.records, 4);
    put(&mut third, &records(4..5)).expect("room");
    assert_eq!(drained(&mut third), records(0..5));
}

#[test]
fn what_is_not_for_us_stays_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let (mut other, _) = open_as(folder.path(), 0, ([8; 16], NO_LIMIT));
    put(&mut other, &records(0..1)).expect("room");
    drop(other);
    let (mut newer, _) = open(folder.path(), 1);
    put(&mut newer, &records(1..2)).expect("room");
    let newer_path = files(folder.path(), "spool").pop().expect("a file");
    drop(newer);
    let mut bytes = std::fs::read(&newer_path).expect("bytes");
    bytes[8] = 2;
    let sum = crc32(&bytes[..32]).to_le_bytes();
    bytes[32..36].copy_from_slice(&sum);
    std::fs::write(&newer_path, &bytes).expect("written");
    let before: Vec<Vec<u8>> = files(folder.path(), "spool")
        .iter()
        .map(|path| std::fs::read(path).expect("bytes"))
        .collect();
    let (spool, found) = open(folder.path(), 2);
    assert_eq!(
        found,
        Found {
            left: 2,
            ..Found::default()
        }
    );
    spool.close().expect("closed");
    let after: Vec<Vec<u8>> = files(folder.path(), "spool")
        .iter()
        .map(|path| std::fs::read(path).expect("bytes"))
        .collect();
    assert_eq!(before, after);
    // Something that isn't ours at all is not in the way for ever.
    std::fs::write(folder.path().join("0.spool"), "an old letter").expect("written");
    std::fs::write(folder.path().join("1.spool"), "").expect("written");
    let (spool, found) = open(folder.path(), 3);
    assert_eq!((found.left, found.damaged, found.records), (2, 1, 0));
    spool.close().expect("closed");
    let aside = files(folder.path(), "damaged");
    assert_eq!(std::fs::read(&aside[0]).expect("bytes"), b"an old letter");
    assert_eq!(files(folder.path(), "spool").len(), 2);
}

/// The checksum of zlib and PNG, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| {
        if sum & 1 == 1 {
            (sum >> 1) ^ 0xEDB8_8320
        } else {
            sum >> 1
        }
    };
    let all = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum))
    });
    !all
}

#[test]
fn its_files_are_its_owner_s_alone_and_their_bytes_go_when_nothing_waits() {
    let parent = TempDir::new().expect("a folder");
    let folder = parent.path().join("new").join("spool");
    let (mut spool, _) = open(&folder, 0);
    put(&mut spool, &[b"words of a caller".to_vec()]).expect("room");
    let path = files(&folder, "spool").remove(0);
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
    let holds = || {
        std::fs::read(&path)
            .expect("bytes")
            .windows(5)
            .any(|window| window == b"words")
    };
    assert!(holds());
    let taken = spool.oldest(9).expect("a read");
    spool.done(&taken, 1).expect("forgotten");
    assert!(!holds());
}

#[test]
fn what_is_too_much_changes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let (mut spool, _) = open_as(folder.path(), 0, (OURS, 100));
    put(&mut spool, &records(0..4)).expect("room");
    let refused = put(&mut spool, &records(4..6)).expect_err("no room");
    assert_eq!(refused.kind(), std::io::ErrorKind::QuotaExceeded);
    put(&mut spool, &records(4..5)).expect("room for one");
    assert_eq!(drained(&mut spool), records(0..5));
    put(&mut spool, &records(0..4)).expect("room again");
}

/// A record whose bytes are whole and that nobody can read is a damage too: it isn't passed over in silence.
#[test]
fn a_record_that_can_t_be_read_is_set_aside() {
    let folder = TempDir::new().expect("a folder");
    left(folder.path(), &records(0..4));
    let reads = |record: &[u8]| record != b"record 2";
    let (mut spool, found) = Spool::open(folder.path(), "1", (OURS, NO_LIMIT), reads).expect("a spool");
    assert_eq!((found.records, found.damaged), (2, 1));
    assert_eq!(drained(&mut spool), records(0..2));
    let aside = std::fs::read(&files(folder.path(), "damaged")[0]).expect("bytes");
    assert!(aside.ends_with(b"record 3"), "{aside:?}");
}
