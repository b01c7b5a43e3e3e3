//! A PostgreSQL cluster of this test run's own: in a temporary folder, on a free port of this machine, gone with us.
//!
//! It doesn't wait for the disk (`fsync=off`): what a killed server has committed is in the system's memory all the same,
//! and these tests end servers, not machines.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The cluster's superuser, and its password.
const USER: &str = "talia";
pub(crate) const PASSWORD: &str = "s3cr3t-of-the-cluster";

/// A cluster.
pub(crate) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    /// Whom it runs as: PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
    pub(crate) port: u16,
    databases: AtomicU32,
    /// Ends the cluster when we end, however we do: its input closes then.
    _guard: Child,
}

impl Cluster {
    /// The one of most tests.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// One that a test may stop.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("talia-postgres-")
            .tempdir()
            .expect("a folder")
            .keep();
        let user = not_root();
        if let Some((user, group)) = user {
            chown(&folder, Some(user), Some(group)).expect("its owner");
        }
        let password = folder.join("password");
        std::fs::File::create(&password)
            .and_then(|mut file| file.write_all(PASSWORD.as_bytes()))
            .expect("a file");
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("one")
            .port();
        let data = folder.join("data");
        let guard = Command::new("sh")
            .arg("-c")
            .arg(
                "trap '' INT TERM HUP; cat >/dev/null; main=$(head -1 \"$0/data/postmaster.pid\" 2>/dev/null) && \
                 kill -QUIT $main && kill -CONT $main $(ps -o pid= --ppid $main); sleep 1; rm -rf \"$0\"",
            )
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let cluster = Self {
            programs: programs(),
            folder,
            user,
            port,
            databases: AtomicU32::new(0),
            _guard: guard,
        };
        let mut making = cluster.program("initdb");
        making.args([
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
            "-A",
            "scram-sha-256",
            "-U",
            USER,
        ]);
        making.arg("--pwfile").arg(&password).arg("-D").arg(&data);
        run(making);
        cluster.start_again();
        cluster
    }

    /// Starts it where it was stopped.
    pub(crate) fn start_again(&self) {
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories= -c fsync=off -c max_connections=400",
            self.port
        );
        let mut starting = self.program("pg_ctl");
        starting.arg("-D").arg(self.folder.join("data"));
        starting.arg("-l").arg(self.folder.join("data").join("log"));
        starting.args(["-w", "-o", &options, "start"]);
        run(starting);
    }

    /// Stops it at once, as a crash does: no connection is ended in order.
    pub(crate) fn stop(&self) {
        let mut stopping = self.program("pg_ctl");
        stopping.arg("-D").arg(self.folder.join("data"));
        stopping.args(["-m", "immediate", "-w", "stop"]);
        run(stopping);
    }

    /// Lets it hang: its sockets stay, and nobody answers there.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("it runs");
        let main = file.lines().next().expect("a number").to_owned();
        let mut signalling = Command::new("sh");
        signalling
            .arg("-c")
            .arg(format!("kill -{name} {main} $(ps -o pid= --ppid {main})"));
        run(signalling);
    }

    /// The address of a new, empty database.
    pub(crate) fn new_database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut making = self.program("createdb");
        making.env("PGPASSWORD", PASSWORD);
        making.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            USER,
            "-T",
            "template0",
            &name,
        ]);
        run(making);
        self.address(PASSWORD, &name)
    }

    /// The address of a database for who says this password.
    pub(crate) fn address(&self, password: &str, database: &str) -> String {
        format!(
            "postgres://{USER}:{password}@127.0.0.1:{}/{database}?sslmode=disable",
            self.port
        )
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir("/").stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

/// Fails with what the program said, unless it went well.
fn run(mut command: Command) {
    // What a program leaves running inherits its output: a pipe would never end.
    let said = tempfile::tempfile().expect("a file");
    let output = said.try_clone().expect("the same file");
    let done = command
        .stdout(said.try_clone().expect("the same file"))
        .stderr(output)
        .status();
    let done = done.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    if !done.success() {
        use std::io::{Read, Seek};
        let (mut said, mut text) = (said, String::new());
        said.rewind().expect("its beginning");
        said.read_to_string(&mut text).expect("text");
        panic!("{command:?}: {done}\n{text}");
    }
}

/// Where PostgreSQL's own programs are. Debian keeps them out of the way.
fn programs() -> PathBuf {
    let found = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = found.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = debian.chain(std::env::split_paths(&path));
    let here = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "createdb"]
            .iter()
            .all(|name| folder.join(name).exists())
    };
    all.into_iter()
        .find(here)
        .expect("PostgreSQL is missing: run scripts/setup.sh test")
}

/// Somebody else, where we are root.
fn not_root() -> Option<(u32, u32)> {
    if Path::new("/proc/self").metadata().expect("a process").uid() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("users");
    let user = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(
        user("postgres")
            .or_else(|| user("nobody"))
            .expect("a user that isn't root"),
    )
}
