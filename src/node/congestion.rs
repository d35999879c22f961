//! Congestion control: BBR on lines, Cubic between computers that are next to each other, and never
//! more under way than a line can hold.
//!
//! Cubic takes every lost packet for a full line. Where one packet in a hundred is lost for other
//! reasons and a round trip takes 50 ms, a third of a megabyte a second is left, however fast the line;
//! BBR measures how fast it is and goes on. Within one computer or one room, nothing is lost and packets
//! come by the hundred thousand a second: there BBR's estimates and timers cost more than half of the
//! speed, and Cubic has nothing against it. What has to be bounded there is its window. It opens until
//! packets are lost, and so until hundreds of megabytes wait in buffers, gone from the processors' caches
//! when their turn comes. So it ends where a line of ten gigabits would be full.
//!
//! `docs/performance.md` has the figures.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use iroh::endpoint::{Controller, ControllerFactory, ControllerMetrics, RttEstimator};
use noq::congestion::{Bbr3Config, CubicConfig};

/// Who answers within this is next to us. No line of more than some hundred kilometres does.
const NEXT_TO_US: Duration = Duration::from_millis(4);

/// Ten gigabits a second, in bytes.
const FASTEST_LINE: u64 = 1_250_000_000;

/// Never less than this, so that neither side waits for the other's turn on the processor. Between 1
/// and 4 MB it made no difference that could be measured.
const LEAST: u64 = 2_000_000;

/// What is sent before anything is acknowledged: as much as large servers of the web send, and three
/// times what the standard recommends, which saves a round trip.
const FIRST: u64 = 48_000;

/// Makes the controllers of an endpoint, one for each path.
#[derive(Debug)]
pub(super) struct Congestion;

impl ControllerFactory for Congestion {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        let mut bbr = Bbr3Config::default();
        bbr.initial_window(FIRST);
        Box::new(Fitting {
            inner: Arc::new(bbr).build(now, current_mtu),
            is_near: false,
            most: u64::MAX,
            mtu: current_mtu,
        })
    }
}

/// Most bytes that are of use under way on a path of this shortest round trip.
fn most_under_way(round_trip: Duration) -> u64 {
    let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
    let full = u128::from(nanos) * u128::from(FASTEST_LINE) / 1_000_000_000;
    u64::try_from(full).unwrap_or(u64::MAX).max(LEAST)
}

/// The controller that fits the path, with a bound.
#[derive(Debug)]
struct Fitting {
    inner: Box<dyn Controller>,
    /// Whether `inner` is Cubic, because the other side is next to us. The shortest round trip of a
    /// path never grows, so that is for good.
    is_near: bool,
    most: u64,
    mtu: u16,
}

impl Fitting {
    /// Notes the shortest round trip that was seen on the path.
    fn fit(&mut self, round_trip: Duration, now: Instant) {
        self.most = most_under_way(round_trip);
        if !self.is_near && round_trip < NEXT_TO_US {
            self.is_near = true;
            self.inner = Arc::new(CubicConfig::default()).build(now, self.mtu);
        }
    }

    /// Whether more would be allowed than is made use of. Then the window must not grow any more, or a
    /// loss would take nothing back.
    fn is_beyond(&self) -> bool {
        self.inner.window() >= self.most
    }
}

impl Controller for Fitting {
    fn on_sent(&mut self, now: Instant, bytes: u64, largest_pn: u64) {
        self.inner.on_sent(now, bytes, largest_pn);
    }

    fn on_packet_sent(&mut self, now: Instant, bytes: u16, pn: u64) {
        self.inner.on_packet_sent(now, bytes, pn);
    }

    fn on_cwnd_limited(&mut self) {
        self.inner.on_cwnd_limited();
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        pn: u64,
        app_limited: bool,
        rtt: &RttEstimator,
    ) {
        self.fit(rtt.min(), now);
        let unused = app_limited || self.is_beyond();
        self.inner.on_ack(now, sent, bytes, pn, unused, rtt);
    }

    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        let unused = app_limited || self.is_beyond();
        self.inner
            .on_end_acks(now, in_flight, unused, largest_packet_num_acked);
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        is_ecn: bool,
        lost_bytes: u64,
        largest_lost_pn: u64,
    ) {
        self.inner.on_congestion_event(
            now,
            sent,
            is_persistent_congestion,
            is_ecn,
            lost_bytes,
            largest_lost_pn,
        );
    }

    fn on_packet_lost(&mut self, lost_bytes: u16, pn: u64, now: Instant) {
        self.inner.on_packet_lost(lost_bytes, pn, now);
    }

    fn on_spurious_congestion_event(&mut self) {
        self.inner.on_spurious_congestion_event();
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.mtu = new_mtu;
        self.inner.on_mtu_update(new_mtu);
    }

    fn on_ack_frequency_update(
        &mut self,
        ack_eliciting_threshold: u64,
        requested_max_ack_delay: Duration,
    ) {
        self.inner
            .on_ack_frequency_update(ack_eliciting_threshold, requested_max_ack_delay);
    }

    fn window(&self) -> u64 {
        self.inner.window().min(self.most)
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = self.inner.metrics();
        metrics.congestion_window = self.window();
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self {
            inner: self.inner.clone_box(),
            ..*self
        })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Network, Node, Role};

    #[test]
    fn long_lines_hold_more() {
        assert_eq!(most_under_way(Duration::ZERO), LEAST);
        assert_eq!(most_under_way(Duration::from_micros(200)), LEAST);
        assert_eq!(most_under_way(Duration::from_millis(80)), 100_000_000);
        assert!(most_under_way(Duration::MAX) > u64::MAX / 20);
    }

    #[test]
    fn a_loss_counts_also_where_the_bound_is_low() {
        let start = Instant::now();
        let built = Arc::new(Congestion).build(start, 1450).into_any();
        let mut controller = built.downcast::<Fitting>().unwrap();
        controller.fit(Duration::from_micros(200), start);
        controller.most = 10_000;
        assert!(controller.is_beyond());
        assert_eq!(controller.window(), 10_000);
        assert_eq!(controller.metrics().congestion_window, 10_000);
        // Twice, since there is a little room between the bound and Cubic's first window.
        let later = start + Duration::from_secs(1);
        controller.on_congestion_event(start, start, false, false, 1450, 1);
        controller.on_congestion_event(later, later, false, false, 1450, 2);
        assert!(controller.clone_box().window() < 10_000);
    }

    #[test]
    fn what_fits_is_decided_by_the_shortest_round_trip() {
        let now = Instant::now();
        let built = Arc::new(Congestion).build(now, 1450).into_any();
        let mut controller = built.downcast::<Fitting>().unwrap();
        controller.fit(Duration::from_millis(50), now);
        assert!(!controller.is_near);
        assert_eq!(controller.most, 62_500_000);
        controller.fit(Duration::from_micros(200), now);
        assert!(controller.is_near);
        let cubic = controller.clone_box();
        assert_eq!(cubic.metrics().pacing_rate, None, "as BBR has one");
    }

    #[tokio::test]
    async fn every_connection_has_it() {
        let network = Network {
            offline: true,
            lan: false,
            bind: vec!["127.0.0.1:0".parse().unwrap()],
            ..Network::default()
        };
        let bind = |role| Node::bind(iroh::SecretKey::generate(), &network, role, b"test");
        let (provider, getter) = (bind(Role::Provide), bind(Role::Fetch));
        let (provider, getter) = (provider.await.unwrap(), getter.await.unwrap());
        let address = provider.address().await;
        let (provider, getter) = (provider.endpoint(), getter.endpoint());
        let (accepted, connected) = tokio::join!(
            async { provider.accept().await.unwrap().await.unwrap() },
            getter.connect(address, b"test"),
        );
        for connection in [accepted, connected.unwrap()] {
            let path = connection.paths().iter().next().unwrap().id();
            let controller = connection.congestion_state(path).unwrap();
            assert!(controller.into_any().downcast::<Fitting>().is_ok());
        }
    }
}
