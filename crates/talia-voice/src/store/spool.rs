//! The spool: files of records that are on disk while the database can't be written, and whose bytes are gone when it has them.
//!
//! A process appends to a file of its own, which it holds locked. What a dead process left is whatever isn't locked: the next one
//! takes it over and reads it first. All of it blocks, and belongs on a thread that may wait for a disk.

use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How a file begins, and the version of what follows.
const MAGIC: &[u8; 8] = b"TalIAspl";
const VERSION: u32 = 1;
/// Magic, version, whose database, checksum; then the place from which on nothing is in the database yet, with a checksum of its own.
const HEADER: usize = 64;
const HEADER_END: u64 = HEADER as u64;
const PLACE_AT: u64 = 48;
/// A record's own header: its length, the checksum of that, the checksum of its bytes.
const PREFIX: usize = 12;
/// Bytes that are read at once, if there is more than one record.
const READ_AT_ONCE: usize = 4 << 20;
/// Of files that are waiting to be read, and of what could not be read.
const ENDING: &str = "spool";
const ASIDE: &str = "damaged";

/// Whose records a spool holds: they go to no other database.
pub type Owner = [u8; 16];

/// The owner of this name.
pub(super) fn owner(database: &str) -> Owner {
    let digest: [u8; 32] = Sha256::digest(database).into();
    std::array::from_fn(|place| digest[place])
}

/// What was found in the folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Records of dead processes.
    pub records: u64,
    /// Files whose last record was not written to its end: nobody had been told that it was kept.
    pub torn: u64,
    /// Files that were damaged: what stands behind the damage lies beside them.
    pub damaged: u64,
    /// Files that were left as they are: of another database, written by a newer version, or unreadable.
    pub left: u64,
    /// Nothing can be written there now.
    pub unwritable: bool,
}

/// A folder of records.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    owner: Owner,
    /// Bytes that may wait.
    limit: u64,
    /// How files of this process are called, and how many it made.
    name: String,
    made: u32,
    /// What dead processes left, the oldest first.
    old: VecDeque<Records>,
    own: Option<Records>,
}

/// Records that are read, with the place behind each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub records: Vec<Vec<u8>>,
    behind: Vec<u64>,
}

impl Spool {
    /// Opens the folder, makes it where it is missing, and takes over what dead processes left there for this owner. At most
    /// `limit` bytes wait in it. `name` is this process's alone, and sorts behind those of processes before it. `reads` says
    /// whether a record can be read: one that can't counts as damaged.
    pub fn open(
        folder: &Path,
        name: &str,
        (owner, limit): (Owner, u64),
        reads: impl Fn(&[u8]) -> bool,
    ) -> io::Result<(Self, Found)> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut files = Vec::new();
        for file in std::fs::read_dir(folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                files.push(path);
            }
        }
        // Their names count up in time.
        files.sort();
        let mut spool = Self {
            folder: folder.to_owned(),
            owner,
            limit,
            name: name.to_owned(),
            made: 0,
            old: VecDeque::new(),
            own: None,
        };
        let mut found = Found::default();
        for path in files {
            match Records::take_over(path.clone(), &owner, &reads, &mut found) {
                Ok(Some(records)) => spool.old.push_back(records),
                Ok(None) => {}
                Err(error) => {
                    found.left += 1;
                    tracing::error!(spool.file = %path.display(), %error, "a spool could not be read, and is left as it is");
                }
            }
        }
        found.records = spool.waiting();
        // Now, not in an emergency: a folder that can't be written is found out at the start.
        if let Err(error) = spool.own() {
            found.unwritable = true;
            tracing::error!(spool.folder = %folder.display(), %error, "the spool can't be written");
        }
        Ok((spool, found))
    }

    /// Puts records behind the others and returns when they are on disk: all of them or none.
    pub fn append<'a>(&mut self, records: impl IntoIterator<Item = &'a [u8]>) -> io::Result<()> {
        let (mut bytes, mut count) = (Vec::new(), 0);
        for record in records {
            let length = u32::try_from(record.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&crc32fast::hash(&length.to_le_bytes()).to_le_bytes());
            bytes.extend_from_slice(&crc32fast::hash(record).to_le_bytes());
            bytes.extend_from_slice(record);
            count += 1;
        }
        if self.bytes().saturating_add(bytes.len() as u64) > self.limit {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.own()?.append(&bytes, count)
    }

    fn own(&mut self) -> io::Result<&mut Records> {
        match &mut self.own {
            Some(own) => Ok(own),
            none => {
                self.made += 1;
                let file = format!("{}-{:03}.{ENDING}", self.name, self.made);
                Ok(none.insert(Records::create(self.folder.join(file), &self.owner)?))
            }
        }
    }

    /// The oldest records, at most so many and all of one file; none when nothing waits. They stay until [`Self::done`].
    pub fn oldest(&mut self, at_most: usize) -> io::Result<Taken> {
        match self.first() {
            Some(first) => first.read(at_most),
            None => Ok(Taken::default()),
        }
    }

    /// Forgets the first `count` of what was taken last. When nothing waits any more, the bytes are gone too.
    pub fn done(&mut self, taken: &Taken, count: usize) -> io::Result<()> {
        let Some(behind) = count.checked_sub(1).and_then(|last| taken.behind.get(last)) else {
            return Ok(());
        };
        let Some(first) = self.first() else { return Ok(()) };
        first.forget(*behind, count as u64);
        if first.waiting > 0 {
            // Not waited for: after a crash of the machine some are read again, which changes nothing.
            return first.note_place();
        }
        if let Some(old) = self.old.pop_front() {
            return old.remove();
        }
        let Some(mut own) = self.own.take() else { return Ok(()) };
        match own.clear() {
            Ok(()) => self.own = Some(own),
            // Nobody may write behind what can't be cleared away: the next record begins another file.
            Err(error) => return own.remove().and(Err(error)),
        }
        Ok(())
    }

    /// Records that wait.
    pub fn waiting(&self) -> u64 {
        self.files().map(|records| records.waiting).sum()
    }

    /// Bytes of the files, those of forgotten records included as long as they are there.
    pub fn bytes(&self) -> u64 {
        self.files().map(|records| records.end - HEADER_END).sum()
    }

    /// Removes the own file, if nothing waits in it.
    pub fn close(self) -> io::Result<()> {
        match self.own {
            Some(own) if own.waiting == 0 => own.remove(),
            _ => Ok(()),
        }
    }

    fn files(&self) -> impl Iterator<Item = &Records> {
        self.old.iter().chain(&self.own)
    }

    fn first(&mut self) -> Option<&mut Records> {
        let all = self.old.iter_mut().chain(&mut self.own);
        all.into_iter().find(|records| records.waiting > 0)
    }
}

/// One file.
#[derive(Debug)]
struct Records {
    file: File,
    path: PathBuf,
    /// Where the first record that waits begins.
    place: u64,
    /// Where the last whole one ends.
    end: u64,
    waiting: u64,
}

/// What stands where a record should.
enum Next {
    Whole,
    End,
    /// The rest is a record that was not written to its end.
    Torn,
    Damaged,
}

impl Records {
    /// A new file under a lock of ours.
    fn create(path: PathBuf, owner: &Owner) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let made = Self {
            file,
            path,
            place: HEADER_END,
            end: HEADER_END,
            waiting: 0,
        };
        match made.begin(owner) {
            Ok(()) => Ok(made),
            Err(error) => {
                let _ = made.remove();
                Err(error)
            }
        }
    }

    fn begin(&self, owner: &Owner) -> io::Result<()> {
        self.file.try_lock()?;
        self.file.write_all_at(&header(owner), 0)?;
        self.note_place()?;
        self.file.sync_all()?;
        // The name is on disk too.
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }

    /// What a dead process left; none where another process lives, where nothing waits, or where it isn't for us.
    fn take_over(
        path: PathBuf,
        owner: &Owner,
        reads: impl Fn(&[u8]) -> bool,
        found: &mut Found,
    ) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let length = file.metadata()?.len();
        let mut records = Self {
            file,
            path,
            place: HEADER_END,
            end: HEADER_END,
            waiting: 0,
        };
        let shown = records.path.display().to_string();
        let mut begins = [0; HEADER];
        let there = usize::try_from(length).map_or(HEADER, |length| length.min(HEADER));
        records.file.read_exact_at(&mut begins[..there], 0)?;
        let begun = there.min(36);
        let ours = begins[..begun] == header(owner)[..begun];
        let empty = begins.iter().all(|byte| *byte == 0);
        if (length < HEADER_END && ours) || (length <= HEADER_END && empty) {
            // It died before it had begun.
            records.remove()?;
            return Ok(None);
        }
        let version = &begins[8..12] == VERSION.to_le_bytes().as_slice();
        let whole = begins[..36] == header(owner)[..36];
        if !whole && &begins[..8] == MAGIC && crc32fast::hash(&begins[..32]).to_le_bytes() == begins[32..36] {
            found.left += 1;
            let why = if version {
                "it belongs to another database"
            } else {
                "a newer version wrote it"
            };
            tracing::error!(spool.file = shown, why, "a spool is left as it is");
            return Ok(None);
        }
        if !whole {
            found.damaged += 1;
            records.set_aside(0)?;
            records.remove()?;
            tracing::error!(spool.file = shown, "a spool can't be read, and was set aside whole");
            return Ok(None);
        }
        match records.scan(length, place_of(&begins), reads)? {
            Next::Damaged => {
                found.damaged += 1;
                records.set_aside(records.end)?;
                tracing::error!(
                    spool.file = shown,
                    spool.records = records.waiting,
                    spool.bytes_aside = length - records.end,
                    "a spool is damaged: what stands before the damage is kept, the rest was set aside"
                );
            }
            Next::Torn => {
                found.torn += 1;
                records.file.set_len(records.end)?;
                tracing::warn!(
                    spool.file = shown,
                    "the last record of a spool was not written to its end, and is dropped"
                );
            }
            Next::Whole | Next::End => {}
        }
        if records.waiting == 0 {
            records.remove()?;
            return Ok(None);
        }
        Ok(Some(records))
    }

    /// Finds the records that wait, and why there are no more.
    fn scan(&mut self, length: u64, place: Option<u64>, reads: impl Fn(&[u8]) -> bool) -> io::Result<Next> {
        let mut from = BufReader::with_capacity(
            1 << 20,
            ReadFrom {
                file: &self.file,
                at: HEADER_END,
            },
        );
        let (mut record, mut all, mut behind_place) = (Vec::new(), 0, None);
        let next = loop {
            if place == Some(self.end) {
                behind_place = Some(all);
            }
            match next(&mut from, length - self.end, &mut record)? {
                Next::Whole if reads(&record) => {
                    self.end += (PREFIX + record.len()) as u64;
                    all += 1;
                }
                Next::Whole => break Next::Damaged,
                other => break other,
            }
        };
        // A place that isn't between two records is none: reading a record once more changes nothing.
        if let (Some(place), Some(before)) = (place, behind_place) {
            self.place = place;
            all -= before;
        }
        self.waiting = all;
        Ok(next)
    }

    fn append(&mut self, bytes: &[u8], count: u64) -> io::Result<()> {
        let written = self
            .file
            .write_all_at(bytes, self.end)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Nobody is told that they are kept; the next ones are written over them all the same.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += bytes.len() as u64;
        self.waiting += count;
        Ok(())
    }

    fn read(&self, at_most: usize) -> io::Result<Taken> {
        let mut from = BufReader::with_capacity(
            1 << 16,
            ReadFrom {
                file: &self.file,
                at: self.place,
            },
        );
        let (mut taken, mut at, mut bytes) = (Taken::default(), self.place, 0);
        while taken.records.len() < at_most && at < self.end && bytes < READ_AT_ONCE {
            let mut record = Vec::new();
            let Next::Whole = next(&mut from, self.end - at, &mut record)? else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            at += (PREFIX + record.len()) as u64;
            bytes += record.len();
            taken.records.push(record);
            taken.behind.push(at);
        }
        Ok(taken)
    }

    fn forget(&mut self, behind: u64, count: u64) {
        self.place = behind;
        self.waiting = self.waiting.saturating_sub(count);
    }

    fn note_place(&self) -> io::Result<()> {
        let place = self.place.to_le_bytes();
        let sum = crc32fast::hash(&place).to_le_bytes();
        self.file
            .write_all_at(&[place.as_slice(), sum.as_slice()].concat(), PLACE_AT)
    }

    /// Begins again with nothing.
    fn clear(&mut self) -> io::Result<()> {
        self.place = HEADER_END;
        self.end = HEADER_END;
        self.waiting = 0;
        // First the place, and on disk, so that it never stands in the middle of what comes next.
        self.note_place()?;
        self.file.sync_data()?;
        self.file.set_len(HEADER_END)?;
        self.file.sync_data()
    }

    /// Puts what stands from this place on beside the file, and cuts it off there.
    fn set_aside(&self, from: u64) -> io::Result<()> {
        let mut aside = OpenOptions::new();
        let aside = aside.write(true).create(true).truncate(true).mode(0o600);
        let mut aside = aside.open(self.path.with_extension(ASIDE))?;
        let mut rest = ReadFrom {
            file: &self.file,
            at: from,
        };
        io::copy(&mut rest, &mut aside)?;
        aside.flush()?;
        aside.sync_all()?;
        self.file.set_len(from)?;
        self.file.sync_all()
    }

    fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

fn header(owner: &Owner) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[16..32].copy_from_slice(owner);
    let sum = crc32fast::hash(&header[..32]);
    header[32..36].copy_from_slice(&sum.to_le_bytes());
    header
}

fn place_of(header: &[u8; HEADER]) -> Option<u64> {
    let (place, rest) = header[PLACE_AT as usize..].split_first_chunk::<8>()?;
    let sum = rest.first_chunk::<4>()?;
    (crc32fast::hash(place).to_le_bytes() == *sum).then_some(u64::from_le_bytes(*place))
}

/// Reads the next record of so many bytes that are left.
fn next(from: &mut impl Read, left: u64, record: &mut Vec<u8>) -> io::Result<Next> {
    record.clear();
    if left == 0 {
        return Ok(Next::End);
    }
    if left < PREFIX as u64 {
        return Ok(Next::Torn);
    }
    let mut prefix = [0; PREFIX];
    from.read_exact(&mut prefix)?;
    let ([length, sum_of_length, sum], _) = prefix.as_chunks::<4>() else {
        return Ok(Next::Damaged);
    };
    let behind = left - PREFIX as u64;
    if crc32fast::hash(length).to_le_bytes() != *sum_of_length {
        return broken(from);
    }
    let length = u32::from_le_bytes(*length);
    if u64::from(length) > behind {
        return Ok(Next::Torn);
    }
    from.by_ref().take(u64::from(length)).read_to_end(record)?;
    if crc32fast::hash(record).to_le_bytes() == *sum {
        return Ok(Next::Whole);
    }
    broken(from)
}

/// What a record is that isn't whole. The last one may have been on its way: then nothing comes behind it, or zeros where a machine
/// that lost its power was still to write.
fn broken(from: &mut impl Read) -> io::Result<Next> {
    let mut rest = [0; 4_096];
    loop {
        match from.read(&mut rest)? {
            0 => return Ok(Next::Torn),
            read if rest[..read].iter().all(|byte| *byte == 0) => {}
            _ => return Ok(Next::Damaged),
        }
    }
}

/// Reads a file from a place on.
struct ReadFrom<'a> {
    file: &'a File,
    at: u64,
}

impl Read for ReadFrom<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
