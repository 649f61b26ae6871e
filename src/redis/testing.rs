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
    replicas: false,
};

/// A `redis-server` that a test has started. It ends with the test.
pub(crate) struct Server {
    child: Option<Child>,
    pub(crate) port: u16,
    folder: PathBuf,
    options: Vec<String>,
    /// The server is a sentinel, and this is its configuration file.
    sentinel: Option<PathBuf>,
}

/// Whether there is a `redis-server` on this machine. Without one, a test is passed over, and `npm test` says
/// so at its end; with `LOOM_TEST_ALL=1` the test fails.
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
        let mut server = Self::new(options);
        server.restart();
        server
    }

    /// A sentinel of this server, under the name `main`.
    pub(crate) fn sentinel(of: &Self) -> Self {
        let mut server = Self::new(&[]);
        let file = server.folder.join("sentinel.conf");
        let (port, of) = (server.port, of.port);
        let text = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {of} 1\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n"
        );
        std::fs::write(&file, text).unwrap();
        server.sentinel = Some(file);
        server.restart();
        server
    }

    fn new(options: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("loom-live-redis-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self {
            child: None,
            port: free_port(),
            folder,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            sentinel: None,
        }
    }

    /// Starts the server, on the same port and with the same folder, and waits until it answers.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut command = Command::new("redis-server");
        match &self.sentinel {
            Some(file) => command.arg(file).arg("--sentinel"),
            None => command
                .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
                .arg("--dir")
                .arg(&self.folder)
                .args(["--save", ""])
                .args(&self.options),
        };
        let child = command.stdout(Stdio::null()).spawn().unwrap();
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

/// Three servers that are a cluster.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
    ids: Vec<String>,
}

impl Cluster {
    /// The slots of each node: a third each.
    const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

    pub(crate) async fn start() -> Self {
        let nodes: Vec<_> = (0..3)
            .map(|_| {
                let bus = free_port();
                let node = Server::start(&[
                    "--cluster-enabled",
                    "yes",
                    "--cluster-port",
                    &bus.to_string(),
                    "--cluster-node-timeout",
                    "2000",
                    "--cluster-require-full-coverage",
                    "no",
                ]);
                (node, bus)
            })
            .collect();
        let first = &nodes[0].0;
        for ((node, bus), (begin, end)) in nodes.iter().zip(Self::SLOTS) {
            let range = [&begin.to_string(), &end.to_string()];
            let _: String = node
                .ask(&["CLUSTER", "ADDSLOTSRANGE", range[0], range[1]])
                .unwrap();
            let (port, bus) = (node.port.to_string(), bus.to_string());
            let _: String = first
                .ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])
                .unwrap();
        }
        let ids = nodes
            .iter()
            .map(|(node, _)| node.ask(&["CLUSTER", "MYID"]).unwrap());
        let ids = ids.collect();
        let nodes: Vec<_> = nodes.into_iter().map(|(node, _)| node).collect();
        let cluster = Self { nodes, ids };
        until("the nodes to know each other", || {
            cluster.nodes.iter().all(|node| {
                let info: String = node.ask(&["CLUSTER", "INFO"]).unwrap();
                let knows = [
                    "cluster_state:ok",
                    "cluster_slots_ok:16384",
                    "cluster_known_nodes:3",
                ];
                knows.iter().all(|line| info.contains(line))
            })
        })
        .await;
        cluster
    }

    /// A link by two of the nodes.
    pub(crate) fn link(&self) -> (Link, Told) {
        self.link_with(STATES).unwrap()
    }

    pub(crate) fn link_with(&self, needs: Needs) -> Result<(Link, Told), OpenError> {
        let urls: Vec<_> = self.nodes[..2].iter().map(Server::url).collect();
        link_to(Address::of_cluster(&urls).unwrap(), needs)
    }

    fn slot(&self, key: &str) -> u16 {
        self.nodes[0].ask(&["CLUSTER", "KEYSLOT", key]).unwrap()
    }

    /// The node that has the key at the beginning.
    pub(crate) fn place(&self, key: &str) -> usize {
        let slot = self.slot(key);
        Self::SLOTS
            .iter()
            .position(|(_, end)| slot <= *end)
            .unwrap()
    }

    /// The key's slot begins to move from one node to another: first none of its keys is there.
    pub(crate) fn begins_to_move(&self, key: &str, from: usize, to: usize) {
        let slot = self.slot(key).to_string();
        let (source, target) = (&self.ids[from], &self.ids[to]);
        let _: String = self.nodes[to]
            .ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", source])
            .unwrap();
        let _: String = self.nodes[from]
            .ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", target])
            .unwrap();
    }

    /// These keys move.
    pub(crate) fn moves(&self, keys: &[&str], from: usize, to: usize) {
        let port = self.nodes[to].port.to_string();
        let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        command.extend(keys);
        let _: String = self.nodes[from].ask(&command).unwrap();
    }

    /// The rest of the key's slot moves, and all nodes are told.
    pub(crate) fn has_moved(&self, key: &str, from: usize, to: usize) {
        let slot = self.slot(key).to_string();
        let left: Vec<String> = self.nodes[from]
            .ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"])
            .unwrap();
        let left: Vec<_> = left.iter().map(String::as_str).collect();
        if !left.is_empty() {
            self.moves(&left, from, to);
        }
        let rest = (0..3).filter(|node| *node != to);
        for node in std::iter::once(to).chain(rest) {
            let _: String = self.nodes[node]
                .ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &self.ids[to]])
                .unwrap();
        }
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
    link_to(Address::of(url).unwrap(), needs)
}

pub(crate) fn link_to(address: Address, needs: Needs) -> Result<(Link, Told), OpenError> {
    let told = Told::default();
    let tells = told.clone();
    let tell = move |tell| lock(&tells.0).push(tell);
    let link = Link::open(address, needs, Box::new(tell))?;
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

/// Tests with a server of their own, which are passed over if this machine has none. To open a link blocks
/// its thread, so the runtime needs another one.
macro_rules! with_server {
    ($($(#[$about:meta])* async fn $name:ident($server:ident) $body:block)*) => {$(
        $(#[$about])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if $crate::redis::testing::is_there() {
                #[allow(unused_mut)]
                let mut $server = $crate::redis::testing::Server::start(&[]);
                $body
            }
        }
    )*};
}
pub(crate) use with_server;
