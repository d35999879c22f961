//! Congestion control: Cubic, and not more under way than a line can hold.
//!
//! Cubic opens its window until packets are lost. Between two computers of one network none are: what
//! is too much for the other side waits in buffers of hundreds of megabytes, is gone from the
//! processors' caches when its turn comes, and everything takes half as long again. So the window ends
//! where a line of ten gigabits would be full, by the shortest round trip that was seen. That is far
//! beyond what matters on lines that are long or slow, where Cubic alone decides.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use iroh::endpoint::{Controller, ControllerFactory, ControllerMetrics, RttEstimator};
use noq_proto::congestion::CubicConfig;

/// Ten gigabits a second, in bytes.
const FASTEST_LINE: u64 = 1_250_000_000;

/// Never less than this, so that neither side waits for the other's turn on the processor. Between 1
/// and 4 MB it made no difference that could be measured.
const LEAST: u64 = 2_000_000;

/// Makes the controllers of an endpoint, one for each path.
#[derive(Debug)]
pub(super) struct Congestion;

impl ControllerFactory for Congestion {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Bounded {
            cubic: Arc::new(CubicConfig::default()).build(now, current_mtu),
            most: u64::MAX,
        })
    }
}

/// Most bytes that are of use under way on a path of this shortest round trip.
fn most_under_way(round_trip: Duration) -> u64 {
    let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
    let full = u128::from(nanos) * u128::from(FASTEST_LINE) / 1_000_000_000;
    u64::try_from(full).unwrap_or(u64::MAX).max(LEAST)
}

/// Cubic with a bound.
#[derive(Debug)]
struct Bounded {
    cubic: Box<dyn Controller>,
    most: u64,
}

impl Bounded {
    /// Whether Cubic would allow more than is made use of. Then its window must not grow any more, or a
    /// loss would take nothing back.
    fn is_beyond(&self) -> bool {
        self.cubic.window() >= self.most
    }
}

impl Controller for Bounded {
    fn on_sent(&mut self, now: Instant, bytes: u64, largest_pn: u64) {
        self.cubic.on_sent(now, bytes, largest_pn);
    }

    fn on_packet_sent(&mut self, now: Instant, bytes: u16, pn: u64) {
        self.cubic.on_packet_sent(now, bytes, pn);
    }

    fn on_cwnd_limited(&mut self) {
        self.cubic.on_cwnd_limited();
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
        self.most = most_under_way(rtt.min());
        let unused = app_limited || self.is_beyond();
        self.cubic.on_ack(now, sent, bytes, pn, unused, rtt);
    }

    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        let unused = app_limited || self.is_beyond();
        self.cubic
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
        self.cubic.on_congestion_event(
            now,
            sent,
            is_persistent_congestion,
            is_ecn,
            lost_bytes,
            largest_lost_pn,
        );
    }

    fn on_packet_lost(&mut self, lost_bytes: u16, pn: u64, now: Instant) {
        self.cubic.on_packet_lost(lost_bytes, pn, now);
    }

    fn on_spurious_congestion_event(&mut self) {
        self.cubic.on_spurious_congestion_event();
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.cubic.on_mtu_update(new_mtu);
    }

    fn on_ack_frequency_update(
        &mut self,
        ack_eliciting_threshold: u64,
        requested_max_ack_delay: Duration,
    ) {
        self.cubic
            .on_ack_frequency_update(ack_eliciting_threshold, requested_max_ack_delay);
    }

    fn window(&self) -> u64 {
        self.cubic.window().min(self.most)
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = self.cubic.metrics();
        metrics.congestion_window = self.window();
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self {
            cubic: self.cubic.clone_box(),
            most: self.most,
        })
    }

    fn initial_window(&self) -> u64 {
        self.cubic.initial_window()
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
        let mut controller = Bounded {
            cubic: Arc::new(CubicConfig::default()).build(start, 1450),
            most: 10_000,
        };
        assert_eq!(controller.window(), 10_000);
        assert_eq!(controller.metrics().congestion_window, 10_000);
        controller.on_congestion_event(start, start, false, false, 1450, 1);
        assert!(controller.clone_box().window() < 10_000);
    }

    #[tokio::test]
    async fn every_connection_has_it() {
        let network = Network {
            offline: true,
            lan: false,
            bind: vec!["127.0.0.1:0".parse().unwrap()],
        };
        let bind = |role| Node::bind(iroh::SecretKey::generate(), &network, role, b"test");
        let (provider, getter) = (bind(Role::Provide), bind(Role::Fetch));
        let (provider, getter) = (provider.await.unwrap(), getter.await.unwrap());
        let address = provider.address().await;
        let (accepted, connected) = tokio::join!(
            async { provider.endpoint().accept().await.unwrap().await.unwrap() },
            getter.endpoint().connect(address, b"test"),
        );
        for connection in [accepted, connected.unwrap()] {
            let path = connection.paths().iter().next().unwrap().id();
            let controller = connection.congestion_state(path).unwrap();
            assert!(controller.into_any().downcast::<Bounded>().is_ok());
        }
    }
}
