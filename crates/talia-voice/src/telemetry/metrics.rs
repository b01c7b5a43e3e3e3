//! Every metric there is, with what exactly it counts.

mod counting;

use super::labels::{
    BadFrameLabel, BargeInLabel, BucketLabel, CertificateLabel, CommandLabel, DenialLabel, MaskLabel,
    ProviderFaultLabel, ProviderLabel, RecordingAnswerLabel, RecordingLabel, RefusalLabel, RestLabel, RestOutcomeLabel,
    SinkFaultLabel, SinkLabel, StageLabel, StoreLabel, TokenLabel, ToolLabel, WebhookLabel,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Every metric, made once and shared. Names in the exposition are the fields' names; counters end in `_total` there.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Calls whose row and event `call_started` are on disk.
    pub call_started: Counter,
    /// Calls whose end and event `call_completed` are on disk.
    pub call_completed: Counter,
    /// Disclosures heard to their last word, with the event `disclosure_heard` on disk.
    pub disclosure_heard: Counter,
    /// Transfers about to be made, with the event `transfer_asked` on disk.
    pub transfer_asked: Counter,
    /// Callers whom a person took over, with the event `call_transferred` on disk.
    pub call_transferred: Counter,
    /// Callers whom nobody took over, with the event `transfer_unanswered` on disk.
    pub transfer_unanswered: Counter,
    /// Lines of transcripts that are on disk with their event.
    pub transcript_segment: Counter,
    /// Leads that are on disk with their event.
    pub lead_created: Counter,
    /// Changes of kept leads that are on disk with their event.
    pub lead_updated: Counter,
    /// Recordings that are kept to their end, with their event on disk.
    pub recording_stored: Counter,
    /// Calls of which nothing is kept any more, with their event on disk.
    pub call_erased: Counter,
    /// Recordings that are in the bucket, read back and compared.
    pub recordings_uploaded: Counter,
    /// Finished recordings in this node's folder that the bucket has still to take.
    pub recordings_waiting: Gauge,
    /// For how long the oldest of them has, seconds.
    pub recordings_waiting_seconds: Gauge,
    /// Objects of erased recordings that are still in the bucket.
    pub recordings_to_remove: Gauge,
    /// Audio that recordings lack because their disk was too slow, milliseconds.
    pub recording_lost_milliseconds: Counter,
    /// Calls whose media stream is open now.
    pub live_calls: Gauge,
    /// Connections open now that are not yet a call.
    pub connections: Gauge,
    /// How late a frame of ours was sent, after the moment it was due, seconds.
    pub frame_lateness_seconds: Histogram,
    /// From the caller's first sound over our speech to the `clear`, seconds.
    pub barge_in_reaction_seconds: Histogram,
    /// Frames of silence put in where the caller's audio had a gap.
    pub gap_frames: Counter,
    /// Writes of live calls that wait because the database can't be written: in the spool, or in memory.
    pub store_backlog: Gauge,
    /// Size of the spool's files, of this process and those that it took over, bytes.
    pub spool_bytes: Gauge,
    /// Spools of dead processes that are left as they are: of another database, of a newer version, or unreadable.
    pub spool_left: Gauge,
    /// Spools of dead processes whose last record was not written to its end, which nobody had been told of.
    pub spool_torn: Counter,
    /// Damages in spools: what stood behind each was set aside.
    pub spool_damaged: Counter,
    /// Calls that were answered without waiting for the database.
    pub answered_unkept: Counter,
    /// From the first write of a group to its commit, seconds.
    pub store_commit_seconds: Histogram,
    /// When the certificate in use ends, seconds of Unix time; 0 without TLS of our own.
    pub certificate_expires: Gauge,
    /// Spans that a collector has taken.
    pub spans_sent: Counter,
    /// Spans that no collector took: it was slow, gone or failing.
    pub spans_dropped: Counter,
    certificate_failures: Family<CertificateLabel, Counter>,
    recording_failed: Family<RecordingLabel, Counter>,
    recording_answers: Family<RecordingAnswerLabel, Counter>,
    bucket_faults: Family<BucketLabel, Counter>,
    refused: Family<RefusalLabel, Counter>,
    bad_frames: Family<BadFrameLabel, Counter>,
    barge_in: Family<BargeInLabel, Counter>,
    store_errors: Family<StoreLabel, Counter>,
    turn_latency_seconds: Family<StageLabel, Histogram, fn() -> Histogram>,
    webhook_seconds: Family<WebhookLabel, Histogram, fn() -> Histogram>,
    dial_denied: Family<DenialLabel, Counter>,
    tool_uses: Family<ToolLabel, Counter>,
    call_commands: Family<CommandLabel, Counter>,
    masked: Family<MaskLabel, Counter>,
    model_tokens: Family<TokenLabel, Counter>,
    spoken_characters: Family<ProviderLabel, Counter>,
    heard_milliseconds: Family<ProviderLabel, Counter>,
    cost_micros: Family<ProviderLabel, Counter>,
    rest: Family<RestOutcomeLabel, Counter>,
    rest_retries: Family<RestLabel, Counter>,
    rest_seconds: Family<RestLabel, Histogram, fn() -> Histogram>,
    provider_faults: Family<ProviderFaultLabel, Counter>,
    provider_unknown_events: Family<ProviderLabel, Counter>,
    hearing_degraded: Family<ProviderLabel, Counter>,
    events_delivered: Family<SinkLabel, Counter>,
    events_dead: Family<SinkLabel, Counter>,
    event_sink_faults: Family<SinkFaultLabel, Counter>,
    outbox_lag_events: Family<SinkLabel, Gauge>,
    outbox_lag_seconds: Family<SinkLabel, Gauge>,
}

/// Buckets in the range where a caller feels the difference.
fn turn_buckets() -> Histogram {
    Histogram::new([0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 6.0])
}

/// Buckets for work that should take milliseconds.
fn fine_buckets() -> Histogram {
    Histogram::new([0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0])
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            call_started: Counter::default(),
            call_completed: Counter::default(),
            disclosure_heard: Counter::default(),
            transfer_asked: Counter::default(),
            call_transferred: Counter::default(),
            transfer_unanswered: Counter::default(),
            transcript_segment: Counter::default(),
            lead_created: Counter::default(),
            lead_updated: Counter::default(),
            recording_stored: Counter::default(),
            call_erased: Counter::default(),
            recordings_uploaded: Counter::default(),
            recordings_waiting: Gauge::default(),
            recordings_waiting_seconds: Gauge::default(),
            recordings_to_remove: Gauge::default(),
            recording_lost_milliseconds: Counter::default(),
            live_calls: Gauge::default(),
            connections: Gauge::default(),
            frame_lateness_seconds: fine_buckets(),
            barge_in_reaction_seconds: turn_buckets(),
            gap_frames: Counter::default(),
            store_backlog: Gauge::default(),
            spool_bytes: Gauge::default(),
            spool_left: Gauge::default(),
            spool_torn: Counter::default(),
            spool_damaged: Counter::default(),
            answered_unkept: Counter::default(),
            store_commit_seconds: fine_buckets(),
            certificate_expires: Gauge::default(),
            spans_sent: Counter::default(),
            spans_dropped: Counter::default(),
            certificate_failures: Family::default(),
            recording_failed: Family::default(),
            recording_answers: Family::default(),
            bucket_faults: Family::default(),
            refused: Family::default(),
            bad_frames: Family::default(),
            barge_in: Family::default(),
            store_errors: Family::default(),
            turn_latency_seconds: Family::new_with_constructor(turn_buckets),
            webhook_seconds: Family::new_with_constructor(fine_buckets),
            dial_denied: Family::default(),
            tool_uses: Family::default(),
            call_commands: Family::default(),
            masked: Family::default(),
            model_tokens: Family::default(),
            spoken_characters: Family::default(),
            heard_milliseconds: Family::default(),
            cost_micros: Family::default(),
            rest: Family::default(),
            rest_retries: Family::default(),
            rest_seconds: Family::new_with_constructor(turn_buckets),
            provider_faults: Family::default(),
            provider_unknown_events: Family::default(),
            hearing_degraded: Family::default(),
            events_delivered: Family::default(),
            events_dead: Family::default(),
            event_sink_faults: Family::default(),
            outbox_lag_events: Family::default(),
            outbox_lag_seconds: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let all = &mut self.registry;
        all.register("call_started", "Calls that began", self.call_started.clone());
        all.register("call_completed", "Calls that ended", self.call_completed.clone());
        all.register(
            "disclosure_heard",
            "Disclosures heard to their last word",
            self.disclosure_heard.clone(),
        );
        all.register(
            "transfer_asked",
            "Transfers that were begun",
            self.transfer_asked.clone(),
        );
        all.register(
            "call_transferred",
            "Callers whom a person took over",
            self.call_transferred.clone(),
        );
        all.register(
            "transfer_unanswered",
            "Transfers that nobody answered",
            self.transfer_unanswered.clone(),
        );
        all.register(
            "transcript_segment",
            "Lines of transcripts kept",
            self.transcript_segment.clone(),
        );
        all.register("lead_created", "Leads kept", self.lead_created.clone());
        all.register("lead_updated", "Changes of kept leads", self.lead_updated.clone());
        all.register(
            "recording_stored",
            "Recordings kept to their end",
            self.recording_stored.clone(),
        );
        all.register("call_erased", "Calls erased", self.call_erased.clone());
        all.register(
            "recording_failed",
            "Recordings that were not kept, or not to their end, by why",
            self.recording_failed.clone(),
        );
        all.register(
            "recording_answers",
            "Callers who were asked whether they may be recorded, or wanted it no more, by what they said",
            self.recording_answers.clone(),
        );
        all.register(
            "recordings_uploaded",
            "Recordings that are in the bucket, read back and compared",
            self.recordings_uploaded.clone(),
        );
        all.register(
            "recordings_waiting",
            "Finished recordings in this node's folder that the bucket has still to take",
            self.recordings_waiting.clone(),
        );
        all.register(
            "recordings_waiting_seconds",
            "For how long the oldest of them has waited",
            self.recordings_waiting_seconds.clone(),
        );
        all.register(
            "recordings_to_remove",
            "Objects of erased recordings that are still in the bucket",
            self.recordings_to_remove.clone(),
        );
        all.register(
            "bucket_faults",
            "What the bucket of recordings was asked and didn't do, by what and why",
            self.bucket_faults.clone(),
        );
        all.register(
            "recording_lost_milliseconds",
            "Audio that recordings lack because their disk was too slow",
            self.recording_lost_milliseconds.clone(),
        );
        all.register("live_calls", "Calls with an open media stream", self.live_calls.clone());
        all.register(
            "connections",
            "Open connections that are not yet a call",
            self.connections.clone(),
        );
        all.register(
            "frame_lateness_seconds",
            "Lateness of frames sent",
            self.frame_lateness_seconds.clone(),
        );
        all.register(
            "barge_in_reaction_seconds",
            "From a sound over our speech to the clear",
            self.barge_in_reaction_seconds.clone(),
        );
        all.register(
            "gap_frames",
            "Frames of silence put in for missing audio",
            self.gap_frames.clone(),
        );
        all.register(
            "store_backlog",
            "Writes waiting for the database, in the spool or in memory",
            self.store_backlog.clone(),
        );
        all.register("spool_bytes", "Size of the spool's files", self.spool_bytes.clone());
        all.register(
            "spool_left",
            "Spools of dead processes that can't be taken over",
            self.spool_left.clone(),
        );
        all.register(
            "spool_torn",
            "Spools whose last record was not written to its end",
            self.spool_torn.clone(),
        );
        all.register(
            "spool_damaged",
            "Damages in spools, behind which records were set aside",
            self.spool_damaged.clone(),
        );
        all.register(
            "answered_unkept",
            "Calls answered without waiting for the database",
            self.answered_unkept.clone(),
        );
        all.register(
            "store_commit_seconds",
            "Time of one group commit",
            self.store_commit_seconds.clone(),
        );
        all.register(
            "certificate_expires",
            "When the certificate in use ends, Unix time",
            self.certificate_expires.clone(),
        );
        all.register(
            "certificate_failures",
            "Certificates that could not be reloaded or ordered",
            self.certificate_failures.clone(),
        );
        all.register("spans_sent", "Spans that a collector took", self.spans_sent.clone());
        all.register(
            "spans_dropped",
            "Spans that no collector took",
            self.spans_dropped.clone(),
        );
        all.register("refused", "Requests, sockets and calls refused", self.refused.clone());
        all.register(
            "bad_frames",
            "Messages on media sockets that were skipped",
            self.bad_frames.clone(),
        );
        all.register("barge_in", "Sounds of callers over our speech", self.barge_in.clone());
        all.register(
            "store_errors",
            "Writes and reads that failed",
            self.store_errors.clone(),
        );
        all.register(
            "turn_latency_seconds",
            "Stages of a turn",
            self.turn_latency_seconds.clone(),
        );
        all.register(
            "webhook_seconds",
            "Time to answer a webhook",
            self.webhook_seconds.clone(),
        );
        all.register(
            "dial_denied",
            "Numbers that were not dialled, by why",
            self.dial_denied.clone(),
        );
        all.register(
            "tool_uses",
            "Wishes of models to use a tool, by what became of them",
            self.tool_uses.clone(),
        );
        all.register(
            "call_commands",
            "Commands to live calls, by what became of them",
            self.call_commands.clone(),
        );
        all.register(
            "masked",
            "Parts of transcripts' lines that were masked, by what they were",
            self.masked.clone(),
        );
        all.register("model_tokens", "Tokens of models", self.model_tokens.clone());
        all.register(
            "spoken_characters",
            "Characters given to mouths",
            self.spoken_characters.clone(),
        );
        all.register(
            "heard_milliseconds",
            "Audio given to ears, and open lines where they have a price",
            self.heard_milliseconds.clone(),
        );
        all.register(
            "cost_micros",
            "What providers cost by the configuration's prices, millionths of its currency",
            self.cost_micros.clone(),
        );
        all.register(
            "twilio_rest",
            "Operations of Twilio's REST API, by how they ended",
            self.rest.clone(),
        );
        all.register(
            "twilio_rest_retries",
            "Requests that were sent to Twilio's REST API once more",
            self.rest_retries.clone(),
        );
        all.register(
            "twilio_rest_seconds",
            "Time of an operation of Twilio's REST API, retries included",
            self.rest_seconds.clone(),
        );
        all.register(
            "provider_faults",
            "Failures of engines of others, by class",
            self.provider_faults.clone(),
        );
        all.register(
            "provider_unknown_events",
            "Events of engines that were skipped because they are unknown",
            self.provider_unknown_events.clone(),
        );
        all.register(
            "hearing_degraded",
            "Answers of recognisers that may lack words, and audio that was given up, because they were too slow",
            self.hearing_degraded.clone(),
        );
        all.register(
            "events_delivered",
            "Events that a sink has taken",
            self.events_delivered.clone(),
        );
        all.register("events_dead", "Events given up for a sink", self.events_dead.clone());
        all.register(
            "event_sink_faults",
            "Tries to deliver an event, or to reach its sink, that failed, by why",
            self.event_sink_faults.clone(),
        );
        all.register(
            "outbox_lag_events",
            "Events that a sink has not taken yet",
            self.outbox_lag_events.clone(),
        );
        all.register(
            "outbox_lag_seconds",
            "Age of the oldest event that a sink has not taken yet",
            self.outbox_lag_seconds.clone(),
        );
    }

    /// All metrics in OpenMetrics' text format.
    pub fn exposition(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
