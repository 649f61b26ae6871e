//! Has topics forget what has expired, also topics that nobody publishes to any more.

use std::sync::Weak;

use tokio::time::{Duration, Instant, sleep};

use super::Topics;

/// How often the topics are swept.
const EVERY: Duration = Duration::from_secs(5);
/// Between two sweeps while there is more to do. A sweep takes about ten milliseconds at most.
const PAUSE: Duration = Duration::from_millis(100);

/// Sweeps the topics every few seconds, until they are dropped.
pub async fn keep_swept(topics: Weak<dyn Topics>) {
    let mut pause = EVERY;
    loop {
        sleep(pause).await;
        let Some(topics) = topics.upgrade() else {
            return;
        };
        let has_more = topics.sweep(Instant::now());
        pause = if has_more { PAUSE } else { EVERY };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::limits::Limits;
    use crate::topics::MemoryTopics;

    #[tokio::test(start_paused = true)]
    async fn what_has_expired_goes_without_anybody_asking() {
        let limits = Limits::default();
        let memory = Arc::new(MemoryTopics::new(&limits, Arc::new(|_| ())));
        let topics: Arc<dyn Topics> = memory.clone();
        let sweeping = tokio::spawn(keep_swept(Arc::downgrade(&topics)));
        // More than one sweep takes.
        for number in 0..10_000 {
            let name = format!("topic {number}");
            let published = topics.publish(&name, Some("once"), "[1]".into()).await;
            assert!(published.is_ok());
        }
        assert_eq!((memory.held().topics, memory.held().ids), (10_000, 10_000));
        sleep(limits.topic_time + EVERY + 10 * PAUSE).await;
        assert_eq!(memory.held().bytes, 0);
        sleep(limits.topic_id_time + EVERY + 10 * PAUSE).await;
        assert_eq!((memory.held().topics, memory.held().ids), (0, 0));
        drop((memory, topics));
        assert!(sweeping.await.is_ok(), "it ends with the topics");
    }
}
