//! The facts about a server: whether it can be used, and what the operator should know. Pure.

/// The oldest version that has all that is used.
const OLDEST: (u32, u32) = (6, 2);

/// What the application needs of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The server must not delete data to make room.
    pub keeps: bool,
    /// A write is on the disk before it is answered.
    pub fsync: bool,
    /// A write is in a replica's memory, too, before it is answered.
    pub replicas: bool,
}

/// The facts, as a server tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// As the server writes it. Valkey says which Redis it is like.
    pub version: String,
    /// The server is a replica: only its primary writes to it.
    pub is_replica: bool,
    /// `maxmemory-policy`: what the server does when its memory is full.
    pub policy: String,
    /// When it writes to its disk: `appendfsync`; `None` if it does not write every change, or does not tell.
    pub fsync: Option<String>,
    /// The server writes no changes to its disk at all.
    pub keeps_no_file: bool,
    /// The server is a node of a cluster.
    pub is_cluster: bool,
    /// How many replicas it has; `None` if it does not tell.
    pub replicas: Option<u64>,
}

impl Facts {
    /// Reads the answer to `INFO`.
    pub fn of(info: &str) -> Self {
        let mut facts = Self::default();
        for line in info.lines() {
            let (name, value) = line.trim_end().split_once(':').unwrap_or_default();
            match name {
                "redis_version" => facts.version = value.to_owned(),
                "role" => facts.is_replica = value == "slave",
                "aof_enabled" => facts.keeps_no_file = value == "0",
                "cluster_enabled" => facts.is_cluster = value == "1",
                "connected_slaves" => facts.replicas = value.parse().ok(),
                "maxmemory_policy" => facts.policy = value.to_owned(),
                _ => {}
            }
        }
        facts
    }

    fn number(&self) -> Option<(u32, u32)> {
        let mut parts = self.version.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    }

    /// Whether the server has `WAITAOF`, so that each write can be waited for.
    pub fn waits_for_the_disk(&self) -> bool {
        self.number() >= Some((7, 2))
    }

    /// Whether each write is on the disk before it is answered.
    pub fn syncs(&self) -> bool {
        self.fsync.as_deref() == Some("always")
    }

    /// Why the server cannot be used.
    pub fn refused(&self, needs: Needs) -> Option<String> {
        if self.is_replica {
            return Some(
                "it is a read-only replica: give the address of the primary server, or of its sentinels"
                    .to_owned(),
            );
        }
        if let Some(number) = self.number()
            && number < OLDEST
        {
            let (major, minor) = OLDEST;
            return Some(format!(
                "it is version {}, and at least {major}.{minor} is needed",
                self.version
            ));
        }
        if needs.replicas && self.is_cluster {
            return Some("durability: 'replicas' does not work with a cluster".to_owned());
        }
        let can_wait = self.waits_for_the_disk() && !self.is_cluster && !self.keeps_no_file;
        if needs.fsync && !self.syncs() && !can_wait {
            return Some(format!(
                "durability: 'fsync' needs \"appendonly yes\" and \"appendfsync always\" in the configuration of Redis. \
                 From version 7.2 on, and outside of a cluster, \"appendonly yes\" is enough. This Redis has version {} \
                 and says {:?}",
                self.version,
                self.fsync.as_deref().unwrap_or("nothing")
            ));
        }
        None
    }

    /// A warning for the operator.
    pub fn warning(&self, needs: Needs) -> Option<String> {
        if needs.replicas && self.replicas == Some(0) {
            let text = "durability: 'replicas' waits for a replica, and this Redis has none: events fail until it has one";
            return Some(text.to_owned());
        }
        if !needs.keeps || matches!(&*self.policy, "" | "noeviction") {
            return None;
        }
        Some(format!(
            "its maxmemory-policy is {}: if its memory is full, Redis deletes states of components. Set maxmemory-policy \
             to noeviction",
            self.policy
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: Needs = Needs {
        keeps: true,
        fsync: false,
        replicas: false,
    };

    fn facts(version: &str, role: &str, policy: &str) -> Facts {
        Facts::of(&format!(
            "# Server\r\nredis_version:{version}\r\n\r\n# Memory\r\nmaxmemory_policy:{policy}\r\n\
             # Replication\r\nrole:{role}\r\n"
        ))
    }

    #[test]
    fn a_server_that_is_too_old_or_is_not_written_to_is_refused() {
        let refused = |version, role| facts(version, role, "noeviction").refused(STATES);
        for version in ["6.2.0", "6.10.1", "7.0.15", "10.0.0", "unstable"] {
            assert_eq!(refused(version, "master"), None, "{version}");
        }
        assert!(refused("6.0.16", "master").unwrap().contains("6.2"));
        assert!(refused("5.0.9", "master").unwrap().contains("5.0.9"));
        assert!(refused("7.0.15", "slave").unwrap().contains("replica"));
    }

    #[test]
    fn a_policy_that_deletes_states_is_warned_of() {
        let warning = |policy, needs| facts("7.0.15", "master", policy).warning(needs);
        assert_eq!(warning("noeviction", STATES), None);
        assert!(
            warning("allkeys-lru", STATES)
                .unwrap()
                .contains("allkeys-lru")
        );
        assert!(warning("volatile-ttl", STATES).is_some());
        let needs = Needs {
            keeps: false,
            ..STATES
        };
        assert_eq!(warning("allkeys-lru", needs), None);
        // The server may not tell.
        assert_eq!(Facts::of("").warning(STATES), None);
        assert_eq!(Facts::of("").refused(STATES), None);
    }

    #[test]
    fn what_is_answered_as_on_the_disk_has_to_be_there() {
        let needs = Needs {
            fsync: true,
            ..STATES
        };
        let with = |version, fsync: Option<&str>| Facts {
            fsync: fsync.map(str::to_owned),
            ..facts(version, "master", "noeviction")
        };
        assert_eq!(with("7.0.15", Some("always")).refused(needs), None);
        assert_eq!(with("7.2.4", Some("everysec")).refused(needs), None);
        let refused = |facts: Facts| facts.refused(needs).unwrap();
        assert!(refused(with("7.0.15", Some("everysec"))).contains("everysec"));
        assert!(refused(with("7.0.15", None)).contains("appendonly"));
        let without_a_file = Facts {
            keeps_no_file: true,
            ..with("7.2.4", None)
        };
        assert!(refused(without_a_file).contains("appendonly"));
        // A cluster has nobody to wait for all its nodes.
        let in_a_cluster = |fsync| Facts {
            is_cluster: true,
            ..with("7.2.4", Some(fsync))
        };
        assert!(refused(in_a_cluster("everysec")).contains("cluster"));
        assert_eq!(in_a_cluster("always").refused(needs), None);
    }

    #[test]
    fn what_is_answered_as_with_a_replica_needs_one() {
        let needs = Needs {
            replicas: true,
            ..STATES
        };
        let with = |lines: &str| Facts::of(&format!("redis_version:7.0.15\r\n{lines}\r\n"));
        assert!(
            with("cluster_enabled:1")
                .refused(needs)
                .unwrap()
                .contains("cluster")
        );
        assert_eq!(with("connected_slaves:0").refused(needs), None);
        assert!(
            with("connected_slaves:0")
                .warning(needs)
                .unwrap()
                .contains("replica")
        );
        assert_eq!(with("connected_slaves:1").warning(needs), None);
        assert_eq!(with("connected_slaves:0").warning(STATES), None);
    }
}
