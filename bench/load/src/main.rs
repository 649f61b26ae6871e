//! A closed-loop load generator: every connection has one event in flight.
//!
//! Reads one command per line, as JSON, and answers each with one line. It keeps connections to
//! several servers at once, so that their runs can alternate; `bench/run.mjs` says which and when.
//! One thread, so that it stays on its core.

mod client;
mod cpu;
mod dialect;

use std::collections::HashMap;
use std::io::{self, BufRead, Error, Result, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use client::Client;
use dialect::{Answer, Protocol};

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Command {
    /// Opens and joins connections; the answer says the server's cost of this.
    Connect(Target),
    /// Sends events for some time and measures.
    Run(Run),
    /// Has some connections send events at a pace, for some time, while the others are idle.
    Pace(Pace),
    /// Cuts all connections of a target at once, and brings them back.
    Cut(Cut),
    /// Closes a target's connections.
    Drop { target: String },
}

#[derive(Deserialize)]
struct Target {
    target: String,
    port: u16,
    process: u32,
    path: String,
    protocol: Option<String>,
    connections: usize,
    /// How many connections may be under way at once.
    at_once: usize,
    /// Without a module, nothing is joined.
    module: Option<String>,
    #[serde(default)]
    token: String,
    /// An event after the join, which is not measured.
    setup: Option<Event>,
}

#[derive(Deserialize)]
struct Event {
    handler: String,
    value: Option<String>,
}

#[derive(Deserialize)]
struct Run {
    target: String,
    handler: String,
    /// Each event's value is a number below this; 0 for no value.
    #[serde(default)]
    values: u64,
    millis: u64,
}

#[derive(Deserialize)]
struct Pace {
    target: String,
    handler: String,
    /// How many connections send.
    active: usize,
    /// The time between two events of one, in milliseconds.
    every: u64,
    millis: u64,
}

#[derive(Deserialize)]
struct Cut {
    target: String,
    port: u16,
    path: String,
    module: String,
    at_once: usize,
}

struct Connection {
    /// The data that resumes the connection's component.
    secret: String,
    client: Client,
    /// Events sent so far.
    sent: u64,
    /// Bytes of checkpoints received so far.
    checkpoints: u64,
}

/// The open connections of one server.
struct Open {
    process: u32,
    protocol: Option<Rc<str>>,
    connections: Vec<Connection>,
}

#[derive(Default)]
struct Tally {
    latencies: Vec<u64>,
    bytes: u64,
    checkpoints: u64,
    last: String,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Connection {
    async fn ask(
        &mut self,
        text: &str,
        protocol: Protocol<'_>,
        for_what: Answer,
    ) -> Result<Vec<u8>> {
        self.client.send_text(text).await?;
        loop {
            let message = self.client.receive().await?;
            self.checkpoints += dialect::checkpoints(protocol, &message);
            let answer = dialect::answer(protocol, &message);
            if answer == for_what {
                return Ok(message.payload);
            }
            if answer == Answer::Failed {
                let text = String::from_utf8_lossy(&message.payload);
                return Err(Error::other(format!("the server answered {text}")));
            }
        }
    }

    async fn open(target: &Target) -> Result<Self> {
        let protocol = target.protocol.as_deref();
        let client = Client::connect(target.port, &target.path, protocol).await?;
        let mut connection = Self {
            secret: String::new(),
            client,
            sent: 0,
            checkpoints: 0,
        };
        if let Some(module) = &target.module {
            let join = dialect::join(protocol, module, &target.token);
            let joined = connection.ask(&join, protocol, Answer::Joined).await?;
            connection.secret = dialect::secret(&joined).unwrap_or_default();
        }
        Ok(connection)
    }

    /// One event in each `every`; the first one at a moment of its own.
    async fn pace(&mut self, pace: &Pace, protocol: Protocol<'_>, offset: u64) -> Result<Vec<u64>> {
        let every = Duration::from_millis(pace.every);
        let start = Instant::now() + Duration::from_millis(offset);
        let end = Instant::now() + Duration::from_millis(pace.millis);
        let mut latencies = Vec::new();
        let mut next = start;
        while next < end {
            // Checkpoints and pings that come meanwhile have to be read.
            loop {
                let wait = next.saturating_duration_since(Instant::now());
                match tokio::time::timeout(wait, self.client.receive()).await {
                    Err(_) => break,
                    Ok(message) => drop(message?),
                }
            }
            self.sent += 1;
            let event = dialect::event(protocol, self.sent, &pace.handler, None);
            let asked = Instant::now();
            self.ask(&event, protocol, Answer::Done).await?;
            latencies.push(nanos(asked.elapsed()));
            next += every;
        }
        Ok(latencies)
    }

    /// Reads and drops all messages, as an idle page does.
    async fn idle(&mut self, millis: u64) -> Result<()> {
        let end = tokio::time::Instant::now() + Duration::from_millis(millis);
        while let Ok(message) = tokio::time::timeout_at(end, self.client.receive()).await {
            message?;
        }
        Ok(())
    }

    /// The same component on another connection.
    async fn resume(mut self, cut: &Cut, protocol: Option<&str>) -> Result<Self> {
        self.client = Client::connect(cut.port, &cut.path, protocol).await?;
        let join = dialect::resume(&cut.module, "", &self.secret, self.sent);
        let joined = self.ask(&join, protocol, Answer::Joined).await?;
        self.secret = dialect::secret(&joined).unwrap_or_default();
        Ok(self)
    }

    async fn run(&mut self, run: &Run, protocol: Protocol<'_>, end: Instant) -> Result<Tally> {
        let mut tally = Tally::default();
        let before = (self.client.received, self.checkpoints);
        loop {
            let start = Instant::now();
            if start >= end {
                break;
            }
            // Jumps through the rows rather than along them.
            let value = (run.values > 0).then(|| (self.sent * 7919 % run.values).to_string());
            self.sent += 1;
            let event = dialect::event(protocol, self.sent, &run.handler, value.as_deref());
            let answer = self.ask(&event, protocol, Answer::Done).await?;
            tally.latencies.push(nanos(start.elapsed()));
            tally.last = String::from_utf8_lossy(&answer[..answer.len().min(400)]).into_owned();
        }
        tally.checkpoints = self.checkpoints - before.1;
        tally.bytes = self.client.received - before.0 - tally.checkpoints;
        Ok(tally)
    }
}

async fn connect(target: Target) -> Result<(Open, Value)> {
    let target = Rc::new(target);
    let before = cpu::read(target.process);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    let mut connections = Vec::new();
    for _ in 0..target.connections {
        if tasks.len() >= target.at_once.max(1) {
            connections.extend(tasks.join_next().await.transpose()?.transpose()?);
        }
        let target = target.clone();
        tasks.spawn_local(async move { Connection::open(&target).await });
    }
    while let Some(opened) = tasks.join_next().await {
        connections.push(opened??);
    }
    let seconds = start.elapsed().as_secs_f64();
    let used = cpu::read(target.process) - before;
    let protocol = target.protocol.as_deref();
    if let Some(setup) = &target.setup {
        for connection in &mut connections {
            connection.sent += 1;
            let number = connection.sent;
            let event = dialect::event(protocol, number, &setup.handler, setup.value.as_deref());
            connection.ask(&event, protocol, Answer::Done).await?;
        }
    }
    let result = json!({
        "connections": connections.len(),
        "seconds": seconds,
        "cpuAll": used.all,
        "cpuMain": used.main,
    });
    let open = Open {
        process: target.process,
        protocol: protocol.map(Into::into),
        connections,
    };
    Ok((open, result))
}

async fn run(open: &mut Open, run: Run) -> Result<Value> {
    let run = Rc::new(run);
    let before = cpu::read(open.process);
    let start = Instant::now();
    let end = start + Duration::from_millis(run.millis);
    let mut tasks = JoinSet::new();
    for mut connection in std::mem::take(&mut open.connections) {
        let (run, protocol) = (run.clone(), open.protocol.clone());
        tasks.spawn_local(async move {
            let tally = connection.run(&run, protocol.as_deref(), end).await;
            tally.map(|tally| (connection, tally))
        });
    }
    let mut all = Tally::default();
    while let Some(done) = tasks.join_next().await {
        let (connection, tally) = done??;
        open.connections.push(connection);
        all.latencies.extend(tally.latencies);
        all.bytes += tally.bytes;
        all.checkpoints += tally.checkpoints;
        all.last = tally.last;
    }
    let seconds = start.elapsed().as_secs_f64();
    let used = cpu::read(open.process) - before;
    all.latencies.sort_unstable();
    let percentile = |share: usize| {
        let last = all.latencies.len().saturating_sub(1);
        all.latencies
            .get(last * share / 100)
            .copied()
            .unwrap_or_default()
    };
    Ok(json!({
        "events": all.latencies.len(),
        "seconds": seconds,
        "bytes": all.bytes,
        "checkpoints": all.checkpoints,
        "p50": percentile(50),
        "p99": percentile(99),
        "cpuAll": used.all,
        "cpuMain": used.main,
        "cpuRust": used.rust,
        "last": all.last,
    }))
}

async fn pace(open: &mut Open, pace: Pace) -> Result<Value> {
    let pace = Rc::new(pace);
    let before = cpu::read(open.process);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (index, mut connection) in std::mem::take(&mut open.connections)
        .into_iter()
        .enumerate()
    {
        let (pace, protocol) = (pace.clone(), open.protocol.clone());
        tasks.spawn_local(async move {
            let latencies = if index < pace.active {
                let offset = index as u64 * pace.every / pace.active as u64;
                connection.pace(&pace, protocol.as_deref(), offset).await?
            } else {
                connection.idle(pace.millis).await?;
                Vec::new()
            };
            Ok::<_, Error>((connection, latencies))
        });
    }
    let mut latencies = Vec::new();
    let mut errors = 0;
    while let Some(done) = tasks.join_next().await {
        match done? {
            Ok((connection, some)) => {
                open.connections.push(connection);
                latencies.extend(some);
            }
            Err(error) => {
                eprintln!("{error}");
                errors += 1;
            }
        }
    }
    let used = cpu::read(open.process) - before;
    latencies.sort_unstable();
    let percentile = |share: usize| latencies.get(latencies.len().saturating_sub(1) * share / 100);
    Ok(json!({
        "events": latencies.len(),
        "errors": errors,
        "seconds": start.elapsed().as_secs_f64(),
        "p50": percentile(50),
        "p99": percentile(99),
        "cpuAll": used.all,
        "cpuMain": used.main,
    }))
}

async fn cut(open: &mut Open, cut: Cut) -> Result<Value> {
    let cut = Rc::new(cut);
    let mut gone = Vec::new();
    for connection in std::mem::take(&mut open.connections) {
        let Connection { client, .. } = &connection;
        client.cut()?;
        gone.push(connection);
    }
    let before = cpu::read(open.process);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    let mut errors = 0;
    let count = gone.len();
    let mut keep = |done: Result<Connection>| match done {
        Ok(connection) => open.connections.push(connection),
        Err(error) => {
            eprintln!("{error}");
            errors += 1;
        }
    };
    for connection in gone {
        if tasks.len() >= cut.at_once.max(1)
            && let Some(done) = tasks.join_next().await
        {
            keep(done?);
        }
        let (cut, protocol) = (cut.clone(), open.protocol.clone());
        tasks.spawn_local(async move { connection.resume(&cut, protocol.as_deref()).await });
    }
    while let Some(done) = tasks.join_next().await {
        keep(done?);
    }
    let used = cpu::read(open.process) - before;
    Ok(json!({
        "connections": count,
        "errors": errors,
        "seconds": start.elapsed().as_secs_f64(),
        "cpuAll": used.all,
        "cpuMain": used.main,
    }))
}

async fn obey(command: Command, targets: &mut HashMap<String, Open>) -> Result<Value> {
    match command {
        Command::Connect(target) => {
            let name = target.target.clone();
            let (open, result) = connect(target).await?;
            targets.insert(name, open);
            Ok(result)
        }
        Command::Run(command) => {
            let open = targets.get_mut(&command.target);
            run(open.ok_or_else(|| Error::other("not connected"))?, command).await
        }
        Command::Pace(command) => {
            let open = targets.get_mut(&command.target);
            pace(open.ok_or_else(|| Error::other("not connected"))?, command).await
        }
        Command::Cut(command) => {
            let open = targets.get_mut(&command.target);
            cut(open.ok_or_else(|| Error::other("not connected"))?, command).await
        }
        Command::Drop { target } => {
            targets.remove(&target);
            Ok(json!({}))
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut targets = HashMap::new();
    // Nothing else is to be done while the next command is awaited.
    for line in io::stdin().lock().lines() {
        let command = serde_json::from_str(&line?)?;
        let local = tokio::task::LocalSet::new();
        let result = local.run_until(obey(command, &mut targets)).await;
        let answer = result.unwrap_or_else(|error| json!({ "error": error.to_string() }));
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}
