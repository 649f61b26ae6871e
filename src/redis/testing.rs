//! Servers of tests: each test has its own, on a free port, with a folder of its own.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{Address, Link, Needs, OpenError, Tell};
use crate::sync::{Mutex, lock};

pub(crate) const STATES: Needs = Needs {
    keeps: true,
    fsync: false,
};

/// A `redis-server` that a test has started. It ends with the test.
pub(crate) struct Server {
    child: Option<Child>,
    pub(crate) port: u16,
    folder: PathBuf,
    options: Vec<String>,
}

/// Whether there is a `redis-server` on this machine. If there is none, a test is passed over, which `npm test` says at
/// its end; with `LOOM_TEST_ALL=1` it fails.
pub(crate) fn is_there() -> bool {
    let found = Command::new("redis-server")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        let must = std::env::var_os("LOOM_REDIS").is_some();
        assert!(
            !must,
            "there is no redis-server: apt-get install redis-server"
        );
        eprintln!("PASSED OVER: there is no redis-server (apt-get install redis-server)");
    }
    found
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("loom-live-redis-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut server = Self {
            child: None,
            port: free_port(),
            folder,
            options: options.iter().map(|&option| option.to_owned()).collect(),
        };
        server.restart();
        server
    }

    /// Starts the server, on the same port and with the same folder, and waits until it answers.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .arg("--dir")
            .arg(&self.folder)
            .args(["--save", ""])
            .args(&self.options)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        for _ in 0..1000 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server does not listen");
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends the process a signal, as `kill` knows it.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        let status = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A link to this server, and what the operator is told.
    pub(crate) fn link(&self) -> (Link, Told) {
        link(&self.url(), STATES).unwrap()
    }

    /// Does a command by a connection of its own.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, parts: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        let mut command = redis::cmd(parts[0]);
        command.arg(&parts[1..]);
        command.query(&mut client.get_connection()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What the operator was told.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<Tell>>>);

impl Told {
    pub(crate) fn all(&self) -> Vec<Tell> {
        lock(&self.0).clone()
    }
}

pub(crate) fn link(url: &str, needs: Needs) -> Result<(Link, Told), OpenError> {
    let told = Told::default();
    let tells = told.clone();
    let tell = move |tell| lock(&tells.0).push(tell);
    let link = Link::open(Address::of(url).unwrap(), needs, Box::new(tell))?;
    Ok((link, told))
}

/// Waits until something is so, for half a minute at most.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 30 s: {what}");
}
