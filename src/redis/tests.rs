//! The connection comes back, and commands that are sent meanwhile get an answer.

use std::time::Duration;

use redis::Script;

use super::testing::{STATES, Server, is_there, link, until};
use super::{AskError, Health, Needs, OpenError, Tell};

async fn count(link: &super::Link) -> Result<u64, AskError> {
    let script = Script::new("return redis.call('INCR', KEYS[1])");
    link.ask(script.prepare_invoke().key("count")).await
}

/// `open` blocks its thread, so that the runtime needs another one.
macro_rules! with_redis {
    ($($(#[$about:meta])* async fn $name:ident() $body:block)*) => {$(
        $(#[$about])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if is_there() {
                $body
            }
        }
    )*};
}

with_redis! {
    async fn a_lost_connection_comes_back_by_itself() {
        let mut server = Server::start(&[]);
        let (link, told) = server.link();
        assert_eq!(count(&link).await, Ok(1));
        // The server ends all connections.
        let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
        assert_eq!(count(&link).await, Ok(2));
        server.kill();
        until("the loss", || matches!(link.health(), Health::Down { .. })).await;
        server.restart();
        // The server kept nothing on its disk, not even the script.
        assert_eq!(count(&link).await, Ok(1));
        assert_eq!(link.health(), Health::Up);
        let told = told.all();
        assert!(told.iter().any(|tell| matches!(tell, Tell::Lost(_))), "{told:?}");
        assert!(matches!(told.last(), Some(Tell::Back(_))), "{told:?}");
    }

    async fn a_loss_is_said_once() {
        let mut server = Server::start(&[]);
        let (link, told) = server.link();
        server.kill();
        until("the loss", || matches!(link.health(), Health::Down { .. })).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(told.all().len(), 1, "{:?}", told.all());
        server.restart();
        until("its return", || told.all().len() == 2).await;
    }

    async fn a_server_that_stands_still_for_a_moment_only_delays() {
        let server = Server::start(&[]);
        let (link, _) = server.link();
        assert_eq!(count(&link).await, Ok(1));
        server.signal("-STOP");
        let asked = tokio::spawn(async move { count(&link).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.signal("-CONT");
        assert_eq!(asked.await.unwrap(), Ok(2));
    }

    async fn who_asks_a_server_that_is_away_is_told_so() {
        let mut server = Server::start(&[]);
        let (link, _) = server.link();
        server.kill();
        let error = count(&link).await.unwrap_err();
        assert!(matches!(&error, AskError::Away(why) if why.contains("127.0.0.1")), "{error}");
    }

    async fn a_server_that_is_not_there_at_the_start_is_waited_for() {
        let mut server = Server::start(&[]);
        server.kill();
        let (link, told) = server.link();
        until("the operator to be told", || !told.all().is_empty()).await;
        server.restart();
        assert_eq!(count(&link).await, Ok(1));
    }

    async fn a_wrong_password_is_an_error_at_the_start() {
        let server = Server::start(&["--requirepass", "secret"]);
        for user in ["", ":wrong@", "ann:secret@"] {
            let url = server.url().replace("//", &format!("//{user}"));
            let OpenError::Unusable { hosts, why } = link(&url, STATES).map(drop).unwrap_err();
            assert!(hosts.starts_with("127.0.0.1:"), "{hosts}");
            assert!(!why.contains("secret") && !why.contains("wrong"), "{why}");
        }
        let url = server.url().replace("//", "//:secret@");
        assert_eq!(link(&url, STATES).unwrap().0.health(), Health::Up);
    }

    async fn a_replica_is_an_error_at_the_start() {
        let first = Server::start(&[]);
        let replica = Server::start(&["--replicaof", "127.0.0.1", &first.port.to_string()]);
        let OpenError::Unusable { why, .. } = link(&replica.url(), STATES).map(drop).unwrap_err();
        assert!(why.contains("replica"), "{why}");
    }

    async fn a_policy_that_loses_states_is_warned_of_once() {
        let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
        let (link, told) = server.link();
        assert!(matches!(&told.all()[..], [Tell::Warning(text)] if text.contains("noeviction")));
        let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
        assert_eq!(count(&link).await, Ok(1));
        let warnings = told.all().into_iter().filter(|tell| matches!(tell, Tell::Warning(_)));
        assert_eq!(warnings.count(), 1);
    }

    async fn a_disk_that_is_not_written_each_time_is_an_error_if_it_must_be() {
        let needs = Needs { fsync: true, ..STATES };
        let server = Server::start(&["--appendonly", "yes"]);
        let OpenError::Unusable { why, .. } = link(&server.url(), needs).map(drop).unwrap_err();
        assert!(why.contains("appendfsync always"), "{why}");
        let server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
        assert_eq!(link(&server.url(), needs).unwrap().0.health(), Health::Up);
    }

    async fn what_the_server_refuses_is_said() {
        let server = Server::start(&[]);
        let (link, _) = server.link();
        let _: String = server.ask(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
        let mut command = redis::cmd("SET");
        command.arg("big").arg("x");
        let full = link.ask::<String>(&command).await;
        assert!(matches!(&full, Err(AskError::Refused(why)) if why.contains("OOM")), "{full:?}");
        let _: String = server.ask(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
        let _: u64 = server.ask(&["LPUSH", "count", "1"]).unwrap();
        let damaged = count(&link).await;
        assert!(matches!(damaged, Err(AskError::Damaged(_))), "{damaged:?}");
    }
}
