//! A panic ends the connection or the component in which it happened, in order, and nothing else.

use super::page::Page;
use super::*;

/// A counter whose dispatcher panics at one event.
fn treacherous() -> Closures {
    Closures::new(|call| async move {
        let handler = call.event.as_ref().map(|event| event.handler.to_string());
        assert_ne!(handler.as_deref(), Some("panic"), "a planted fault");
        let count: i64 = call.props.to_json().parse().unwrap();
        let count = count + i64::from(handler.is_some());
        Ok(crate::testing::shown(count, &["<b>", "</b>"]))
    })
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_actor_is_told_to_its_page_which_goes_on_from_where_it_was() {
    let server = Server::new(treacherous(), Limits::default());
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, "<b>1</b>".into()));
    // Until the checkpoint has been sealed.
    sleep(Duration::from_secs(1)).await;
    page.event(2, 1, "panic").await;
    let failed = page.next().await;
    assert_eq!((&failed[0], &failed[2]), (&"e".into(), &2.into()));
    assert_eq!(page.refused().await, "busy");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.context.stats.components.get(), 0);
    let log = server.log.lock().unwrap().clone();
    assert!(log.iter().any(|(_, text)| text.contains("a planted fault")));
    let (number, checkpoint) = page.checkpoint.clone().unwrap();
    assert_eq!(number, 1);
    page.join(checkpoint, None).await;
    assert_eq!(page.shown().await, (1, "<b>1</b>".into(), false));
    drop(page);
    sleep(Duration::from_secs(120)).await;
    server.is_empty().await;
    assert_eq!(server.context.budget.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_first_render_refuses_the_join() {
    let dispatcher = Closures::new(|_| async { panic!("a planted fault") });
    let server = Server::new(dispatcher, Limits::default());
    let mut page = Page::new(Client::extended(&server, user7()).await);
    page.join(page.token.clone(), None).await;
    assert_eq!(page.refused().await, "busy");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.context.stats.components.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_connection_closes_it_and_its_page_goes_on_with_another() {
    let limits = Limits {
        connections_per_address: 1,
        ..Limits::default()
    };
    let server = Server::counter(limits);
    let mut page = Page::load(&server).await;
    page.event(1, 0, "increment").await;
    assert_eq!(page.answer().await, (1, "<b>1</b>".into()));
    page.client.send(PANIC).await;
    assert_eq!(page.next().await, "closed 1011");
    let log = server.log.lock().unwrap().clone();
    assert!(log.iter().any(|(_, text)| text.contains("a planted panic")));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(server.context.stats.connections.get(), 0);
    assert_eq!(server.context.stats.parked.get(), 1);
    // The address has room for it again.
    page.resume(&server, 1).await;
    assert_eq!(page.resumed().await, 1);
    page.event(2, 1, "increment").await;
    assert_eq!(page.answer().await, (2, "<b>2</b>".into()));
    drop(page);
    sleep(Duration::from_secs(120)).await;
    server.is_empty().await;
}

/// Also before a connection is accepted and after its end, when there is no page to tell.
#[tokio::test(start_paused = true)]
async fn a_panic_beside_a_conversation_is_logged_and_takes_nothing_with_it() {
    let server = Server::counter(Limits::default());
    let peer = Peer {
        bind: PANIC.into(),
        ..user7()
    };
    let mut pipe = server.dial(1 << 10, Vec::new(), extended_request(), peer);
    response(&mut pipe).await;
    let mut said = Vec::new();
    pipe.read_to_end(&mut said).await.unwrap();
    assert!(said.is_empty());
    let log = server.log.lock().unwrap().clone();
    let expected = "a connection panicked, a fault of loom-live:";
    assert!(log.len() == 1 && log[0].1.starts_with(expected), "{log:?}");
    assert_eq!(server.context.stats.connections.get(), 0);
    assert!(server.sessions.connections().is_empty());
    drop(Page::load(&server).await);
    sleep(Duration::from_secs(120)).await;
    server.is_empty().await;
}
