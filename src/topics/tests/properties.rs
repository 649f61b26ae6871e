//! Topics against a model that is simple and slow: whatever is published, read, left and forgotten in
//! whatever order, each answer is the model's.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Publish {
        topic: usize,
        id: Option<u8>,
        size: usize,
    },
    Subscribe {
        topic: usize,
        count: usize,
    },
    Leave {
        subscriber: usize,
    },
    Read {
        subscriber: usize,
        messages: usize,
    },
    /// A subscriber reads from a position that one of its topic's subscribers once had.
    ReadOld {
        subscriber: usize,
        position: usize,
    },
    Advance {
        millis: u64,
    },
    Sweep,
    Run,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let topic = 0..TOPICS.len();
    let step = prop_oneof![
        8 => (topic.clone(), prop::option::of(0..12_u8), 0..700_usize)
            .prop_map(|(topic, id, size)| Step::Publish { topic, id, size }),
        4 => (topic, 1..4_usize).prop_map(|(topic, count)| Step::Subscribe { topic, count }),
        4 => any::<usize>().prop_map(|subscriber| Step::Leave { subscriber }),
        6 => (any::<usize>(), 1..4_usize)
            .prop_map(|(subscriber, messages)| Step::Read { subscriber, messages }),
        2 => (any::<usize>(), any::<usize>())
            .prop_map(|(subscriber, position)| Step::ReadOld { subscriber, position }),
        4 => (0..15_000_u64).prop_map(|millis| Step::Advance { millis }),
        3 => Just(Step::Sweep),
        3 => Just(Step::Run),
    ];
    prop::collection::vec(step, 0..120)
}

const TOPICS: [&str; 4] = ["a", "b", "c", "d"];
const TIME: Duration = Duration::from_secs(10);
const ID_TIME: Duration = Duration::from_secs(30);
const IDS: usize = 6;
const MESSAGES: usize = 4;
const BYTES: usize = 2000;

fn limits() -> Limits {
    Limits {
        topics: TOPICS.len() - 1,
        topic_messages: MESSAGES,
        topic_bytes: BYTES,
        topic_time: TIME,
        topic_id_time: ID_TIME,
        topic_ids: IDS,
        ..Limits::default()
    }
}

/// A topic of the model.
#[derive(Default)]
struct Room {
    epoch: Option<Epoch>,
    /// Every message that was published in this epoch, with its data and its weight.
    log: Vec<(String, usize)>,
    /// When each message that is kept was published, by number.
    kept: BTreeMap<u64, Instant>,
    has_task: bool,
    idle: Option<Instant>,
}

struct Subscriber {
    topic: usize,
    subscribed: Subscribed,
    position: Position,
    /// The numbers of the wakes are these.
    number: u32,
    /// Must have been woken, as soon as tasks have run.
    is_due: bool,
    /// Was woken since its last read.
    is_told: bool,
}

struct Model {
    site: Site,
    sink: Arc<Woken>,
    rooms: [Option<Room>; 4],
    subscribers: Vec<Subscriber>,
    positions: Vec<(usize, Position)>,
    /// The ids that are remembered, the oldest first.
    ids: Vec<(usize, u8, Position, Instant)>,
    next: u32,
}

impl Model {
    fn sinks(&self, topic: usize) -> usize {
        self.subscribers
            .iter()
            .filter(|it| it.topic == topic)
            .count()
    }

    /// Notes since when topics have been idle.
    fn settle(&mut self) {
        for topic in 0..TOPICS.len() {
            let is_used = self.sinks(topic) > 0;
            if let Some(room) = &mut self.rooms[topic] {
                let is_idle = !is_used && room.kept.is_empty() && !room.has_task;
                let since = room.idle.unwrap_or_else(Instant::now);
                room.idle = is_idle.then_some(since);
            }
        }
    }

    /// The topic exists or begins now, and another may have to give way; false if there is no place.
    fn begins(&mut self, topic: usize, is_full: bool) -> bool {
        if self.rooms[topic].is_some() {
            assert!(!is_full);
            return true;
        }
        if self.rooms.iter().flatten().count() == TOPICS.len() - 1 {
            let is_unused = |topic: usize| {
                let room = self.rooms[topic].as_ref();
                room.is_some_and(|room| !room.has_task) && self.sinks(topic) == 0
            };
            let is_idle = |room: &Room| room.idle.is_some();
            let idle = self.rooms.iter().flatten().any(is_idle);
            assert_eq!(is_full, !(0..TOPICS.len()).any(is_unused));
            if is_full {
                return false;
            }
            let has_gone = |topic: &usize| {
                self.rooms[*topic].is_some() && !self.site.topics.has(TOPICS[*topic])
            };
            let gone: Vec<_> = (0..TOPICS.len()).filter(has_gone).collect();
            assert_eq!(gone.len(), 1);
            assert!(is_unused(gone[0]));
            assert_eq!(
                self.rooms[gone[0]].take().map(|room| is_idle(&room)),
                Some(idle)
            );
        }
        assert!(!is_full);
        self.rooms[topic] = Some(Room::default());
        true
    }

    /// The epoch of a topic, which stays the same as long as the topic is there.
    fn check_epoch(&mut self, topic: usize, epoch: Epoch) {
        let known = &mut self.rooms[topic].as_mut().unwrap().epoch;
        assert_eq!(*known.get_or_insert(epoch), epoch);
    }

    fn publish(&mut self, topic: usize, id: Option<u8>, size: usize) {
        let now = Instant::now();
        let data = format!("{}{}", self.next, " ".repeat(size));
        self.next += 1;
        let text = id.map(|id| id.to_string());
        let result = self.site.publish(TOPICS[topic], text.as_deref(), &data);
        let mut ids = self.ids.iter();
        let known = ids.rfind(|it| (it.0, Some(it.1)) == (topic, id) && now - it.3 < ID_TIME);
        if let Some((.., position, _)) = known {
            let is_duplicate = true;
            let position = *position;
            assert_eq!(
                result,
                Ok(Published {
                    position,
                    is_duplicate
                })
            );
            return;
        }
        if !self.begins(topic, result == Err(TopicError::Full(TOPICS.len() - 1))) {
            return;
        }
        let published = result.unwrap();
        assert!(!published.is_duplicate);
        self.check_epoch(topic, published.position.epoch);
        let sinks = self.sinks(topic);
        let room = self.rooms[topic].as_mut().unwrap();
        let id_bytes = text.map_or_else(|| published.position.to_string().len(), |id| id.len());
        room.log
            .push((data.clone(), data.len() + id_bytes + Message::OVERHEAD));
        let number = room.log.len() as u64;
        assert_eq!(published.position.number, number);
        room.kept.insert(number, now);
        let weigh = |room: &Room| {
            room.kept
                .keys()
                .map(|it| room.log[*it as usize - 1].1)
                .sum::<usize>()
        };
        while room.kept.len() > MESSAGES || (weigh(room) > BYTES && room.kept.len() > 1) {
            room.kept.pop_first();
        }
        room.kept.retain(|_, at| now - *at < TIME);
        room.has_task |= sinks > 4;
        if let Some(id) = id {
            self.ids.push((topic, id, published.position, now));
            let excess = self.ids.len().saturating_sub(IDS);
            self.ids.drain(..excess);
        }
        let told = self.subscribers.iter_mut().filter(|it| it.topic == topic);
        told.for_each(|it| it.is_due = true);
    }

    fn subscribe(&mut self, topic: usize) {
        let result = get(self
            .site
            .topics
            .subscribe(TOPICS[topic], self.sink.clone(), self.next));
        let full = TopicError::Full(TOPICS.len() - 1);
        if !self.begins(topic, result.as_ref().err() == Some(&full)) {
            return;
        }
        let subscribed = result.unwrap();
        self.check_epoch(topic, subscribed.now.epoch);
        let room = self.rooms[topic].as_ref().unwrap();
        let (last, count) = (room.log.len(), room.kept.len());
        assert_eq!(subscribed.now.number, last as u64);
        assert_eq!(subscribed.oldest.number, (last - count) as u64);
        // Every other one wants the history.
        let position = if self.next.is_multiple_of(2) {
            subscribed.now
        } else {
            subscribed.oldest
        };
        self.subscribers.push(Subscriber {
            topic,
            subscribed,
            position,
            number: self.next,
            is_due: false,
            is_told: false,
        });
        self.next += 1;
    }

    fn read(&mut self, subscriber: usize, messages: usize, from: Option<Position>) {
        let Self {
            subscribers,
            rooms,
            site,
            ..
        } = self;
        let subscriber = &mut subscribers[subscriber];
        let room = rooms[subscriber.topic].as_ref().unwrap();
        let from = from.unwrap_or(subscriber.position);
        let most = Most {
            messages,
            bytes: 1000,
        };
        let batch = get(site
            .topics
            .read(&subscriber.subscribed.subscription, from, most))
        .unwrap();
        let last = room.log.len() as u64;
        let is_kept = (from.number + 1..=last).all(|number| room.kept.contains_key(&number));
        let mut expected = Vec::new();
        if room.epoch == Some(from.epoch) && is_kept {
            let mut bytes = 0;
            for (text, _) in &room.log[from.number as usize..] {
                bytes += text.len();
                if !expected.is_empty() && (expected.len() == messages || bytes > 1000) {
                    break;
                }
                expected.push(&**text);
            }
            assert!(!batch.gap);
            assert_eq!(batch.position.number, from.number + expected.len() as u64);
        } else {
            assert!(batch.gap);
            assert_eq!(batch.position.number, last);
        }
        assert_eq!(data(&batch), expected);
        assert_eq!(Some(batch.position.epoch), room.epoch);
        assert_eq!(batch.more, batch.position.number < last);
        subscriber.position = batch.position;
        // A wake that a task owes may still come; if it does not come, that is no fault.
        subscriber.is_due = false;
        subscriber.is_told = false;
        self.positions.push((subscriber.topic, batch.position));
    }

    fn sweep(&mut self) {
        let now = Instant::now();
        assert!(!self.site.topics.sweep(now));
        for room in &mut self.rooms {
            let expired = |room: &mut Room| {
                room.kept.retain(|_, at| now - *at < TIME);
                room.idle.is_none_or(|since| now - since < ID_TIME)
            };
            *room = room
                .take()
                .and_then(|mut room| expired(&mut room).then_some(room));
        }
        self.ids.retain(|(.., at)| now - *at < ID_TIME);
    }

    /// Each wake was wanted, and, if all tasks have run, each wanted wake has come.
    fn check_wakes(&mut self, have_run: bool) {
        for number in self.sink.take() {
            // A subscription that has ended may be woken a moment later.
            if let Some(it) = self.subscribers.iter_mut().find(|it| it.number == number) {
                assert!(!it.is_told, "{number} was woken twice without a read");
                it.is_told = true;
            }
        }
        for it in &self.subscribers {
            let has_task = self.rooms[it.topic].as_ref().unwrap().has_task;
            assert!(
                it.is_told || !it.is_due || (has_task && !have_run),
                "{} was not woken",
                it.number
            );
        }
    }

    async fn step(&mut self, step: Step) {
        let count = self.subscribers.len();
        let have_run = matches!(step, Step::Run);
        match step {
            Step::Publish { topic, id, size } => self.publish(topic, id, size),
            Step::Subscribe { topic, count } => (0..count).for_each(|_| self.subscribe(topic)),
            Step::Leave { subscriber } if count > 0 => {
                self.subscribers.swap_remove(subscriber % count);
            }
            Step::Read {
                subscriber,
                messages,
            } if count > 0 => {
                self.read(subscriber % count, messages, None);
            }
            Step::ReadOld {
                subscriber,
                position,
            } if count > 0 => {
                let subscriber = subscriber % count;
                let topic = self.subscribers[subscriber].topic;
                let known = self.positions.iter().filter(|(of, _)| *of == topic);
                let known: Vec<_> = known.map(|(_, position)| *position).collect();
                if !known.is_empty() {
                    self.read(subscriber, 100, Some(known[position % known.len()]));
                }
            }
            Step::Advance { millis } => advance(Duration::from_millis(millis)).await,
            Step::Sweep => self.sweep(),
            Step::Run => {
                self.site.tasks.run();
                let rooms = self.rooms.iter_mut().flatten();
                rooms.for_each(|room| room.has_task = false);
            }
            _ => {}
        }
        self.settle();
        self.check_wakes(have_run);
        let held = self.site.topics.held();
        let rooms = || self.rooms.iter().flatten();
        let bytes = |room: &Room| {
            room.kept
                .keys()
                .map(|it| room.log[*it as usize - 1].1)
                .sum::<usize>()
        };
        let expected = Held {
            topics: rooms().count(),
            bytes: rooms().map(bytes).sum(),
            subscriptions: self.subscribers.len(),
            ids: self.ids.len(),
        };
        assert_eq!(held, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn topics_do_what_the_model_does(steps in steps()) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut model = Model {
                site: Site::new(limits()),
                sink: Arc::default(),
                rooms: Default::default(),
                subscribers: Vec::new(),
                positions: Vec::new(),
                ids: Vec::new(),
                next: 0,
            };
            for step in steps {
                model.step(step).await;
            }
        });
    }
}
