//! Counts under labels: one function for each thing that happens, and one that says how often it did.

use super::Metrics;
use crate::dialing::Denial;
use crate::providers::FaultClass;
use crate::telemetry::labels::{
    BadFrame, BadFrameLabel, BargeInLabel, BargeInOutcome, BucketFault, BucketLabel, BucketOperation, CertificateFault,
    CertificateLabel, CommandKind, CommandLabel, CommandOutcome, DenialLabel, MaskLabel, Masked, ProviderFaultLabel,
    ProviderLabel, RecordingAnswer, RecordingAnswerLabel, RecordingFault, RecordingLabel, Refusal, RefusalLabel,
    RestLabel, RestOperation, RestOutcome, RestOutcomeLabel, SinkFault, SinkFaultLabel, SinkLabel, Stage, StageLabel,
    StoreFault, StoreLabel, TokenKind, TokenLabel, ToolLabel, ToolVerdict, Webhook, WebhookLabel,
};
use std::time::Duration;
use talia_dialogue::{BargeIn, TurnTiming};

impl Metrics {
    /// Counts something refused.
    pub fn refused(&self, reason: Refusal) {
        self.refused.get_or_create(&RefusalLabel { reason }).inc();
    }

    /// How often something was refused for this reason.
    pub fn refused_count(&self, reason: Refusal) -> u64 {
        self.refused.get_or_create(&RefusalLabel { reason }).get()
    }

    /// Counts a certificate that could not be reloaded or ordered.
    pub fn certificate_failed(&self, reason: CertificateFault) {
        self.certificate_failures
            .get_or_create(&CertificateLabel { reason })
            .inc();
    }

    /// How often that failed for this reason.
    pub fn certificate_failed_count(&self, reason: CertificateFault) -> u64 {
        self.certificate_failures
            .get_or_create(&CertificateLabel { reason })
            .get()
    }

    /// Counts a recording that was not kept, or not to its end.
    pub fn recording_failed(&self, reason: RecordingFault) {
        self.recording_failed.get_or_create(&RecordingLabel { reason }).inc();
    }

    /// How many recordings failed for this reason.
    pub fn recording_failed_count(&self, reason: RecordingFault) -> u64 {
        self.recording_failed.get_or_create(&RecordingLabel { reason }).get()
    }

    /// Counts what a caller said to being recorded.
    pub fn recording_answered(&self, answer: RecordingAnswer) {
        let label = RecordingAnswerLabel { answer };
        self.recording_answers.get_or_create(&label).inc();
    }

    /// How many callers said so.
    pub fn recording_answer_count(&self, answer: RecordingAnswer) -> u64 {
        let label = RecordingAnswerLabel { answer };
        self.recording_answers.get_or_create(&label).get()
    }

    /// Counts what the bucket of recordings was asked and didn't do.
    pub fn bucket_fault(&self, operation: BucketOperation, reason: BucketFault) {
        self.bucket_faults
            .get_or_create(&BucketLabel { operation, reason })
            .inc();
    }

    /// How often that was so.
    pub fn bucket_fault_count(&self, operation: BucketOperation, reason: BucketFault) -> u64 {
        self.bucket_faults
            .get_or_create(&BucketLabel { operation, reason })
            .get()
    }

    /// Counts a message on a media socket that was skipped.
    pub fn bad_frame(&self, kind: BadFrame) {
        self.bad_frames.get_or_create(&BadFrameLabel { kind }).inc();
    }

    /// How many messages of this kind were skipped.
    pub fn bad_frame_count(&self, kind: BadFrame) -> u64 {
        self.bad_frames.get_or_create(&BadFrameLabel { kind }).get()
    }

    /// Counts a write or read that failed.
    pub fn store_error(&self, reason: StoreFault) {
        self.store_errors.get_or_create(&StoreLabel { reason }).inc();
    }

    /// How many writes and reads failed for this reason.
    pub fn store_error_count(&self, reason: StoreFault) -> u64 {
        self.store_errors.get_or_create(&StoreLabel { reason }).get()
    }

    /// Notes how long a webhook took.
    pub fn webhook(&self, webhook: Webhook, took: Duration) {
        let label = WebhookLabel { webhook };
        self.webhook_seconds.get_or_create(&label).observe(took.as_secs_f64());
    }

    /// Counts a number that is not dialled.
    pub fn dial_denied(&self, reason: Denial) {
        self.dial_denied.get_or_create(&DenialLabel { reason }).inc();
    }

    /// How many numbers were not dialled for this reason.
    pub fn dial_denied_count(&self, reason: Denial) -> u64 {
        self.dial_denied.get_or_create(&DenialLabel { reason }).get()
    }

    /// Counts a wish to use a tool.
    pub fn tool_used(&self, verdict: ToolVerdict) {
        self.tool_uses.get_or_create(&ToolLabel { verdict }).inc();
    }

    /// Counts a command to a live call.
    pub fn commanded(&self, command: CommandKind, outcome: CommandOutcome) {
        self.call_commands
            .get_or_create(&CommandLabel { command, outcome })
            .inc();
    }

    /// How many commands of this kind ended so.
    pub fn commanded_count(&self, command: CommandKind, outcome: CommandOutcome) -> u64 {
        self.call_commands
            .get_or_create(&CommandLabel { command, outcome })
            .get()
    }

    /// Counts a part of a line that was masked.
    pub fn masked(&self, kind: Masked) {
        self.masked.get_or_create(&MaskLabel { kind }).inc();
    }

    /// How many parts of this kind were.
    pub fn masked_count(&self, kind: Masked) -> u64 {
        self.masked.get_or_create(&MaskLabel { kind }).get()
    }

    /// Counts the tokens of one request: `input` has those from the cache in it.
    pub fn tokens(&self, provider: &str, [input, cached, output]: [u64; 3]) {
        for (kind, tokens) in [
            (TokenKind::Fresh, input.saturating_sub(cached)),
            (TokenKind::Cached, cached),
            (TokenKind::Output, output),
        ] {
            let provider = provider.to_owned();
            self.model_tokens
                .get_or_create(&TokenLabel { provider, kind })
                .inc_by(tokens);
        }
    }

    /// Counts characters given to a mouth.
    pub fn spoken(&self, provider: &str, characters: u64) {
        let provider = provider.to_owned();
        self.spoken_characters
            .get_or_create(&ProviderLabel { provider })
            .inc_by(characters);
    }

    /// Counts audio given to ears.
    pub fn heard(&self, provider: &str, audio: Duration) {
        let provider = provider.to_owned();
        let ms = audio.as_millis() as u64;
        self.heard_milliseconds
            .get_or_create(&ProviderLabel { provider })
            .inc_by(ms);
    }

    /// Counts money, millionths of the operator's currency.
    pub fn cost(&self, provider: &str, micros: i64) {
        let provider = provider.to_owned();
        let micros = u64::try_from(micros).unwrap_or(0);
        self.cost_micros
            .get_or_create(&ProviderLabel { provider })
            .inc_by(micros);
    }

    /// How many wishes ended so.
    pub fn tool_used_count(&self, verdict: ToolVerdict) -> u64 {
        self.tool_uses.get_or_create(&ToolLabel { verdict }).get()
    }

    /// Counts an operation of Twilio's REST API that has ended.
    pub fn rest(&self, operation: RestOperation, outcome: RestOutcome, took: Duration) {
        self.rest.get_or_create(&RestOutcomeLabel { operation, outcome }).inc();
        let label = RestLabel { operation };
        self.rest_seconds.get_or_create(&label).observe(took.as_secs_f64());
    }

    /// How many operations ended so.
    pub fn rest_count(&self, operation: RestOperation, outcome: RestOutcome) -> u64 {
        self.rest.get_or_create(&RestOutcomeLabel { operation, outcome }).get()
    }

    /// Counts a request that is sent once more.
    pub fn rest_retried(&self, operation: RestOperation) {
        self.rest_retries.get_or_create(&RestLabel { operation }).inc();
    }

    /// How many requests were sent once more.
    pub fn rest_retries_count(&self, operation: RestOperation) -> u64 {
        self.rest_retries.get_or_create(&RestLabel { operation }).get()
    }

    /// Counts a failure of an engine of somebody else. `provider` is its name in the configuration.
    pub fn provider_fault(&self, provider: &str, class: FaultClass) {
        let provider = provider.to_owned();
        self.provider_faults
            .get_or_create(&ProviderFaultLabel { provider, class })
            .inc();
    }

    /// How many failures of this class there were.
    pub fn provider_fault_count(&self, provider: &str, class: FaultClass) -> u64 {
        let provider = provider.to_owned();
        self.provider_faults
            .get_or_create(&ProviderFaultLabel { provider, class })
            .get()
    }

    /// Counts words that were taken before they were final, or audio that was given up: the engine was too slow.
    pub fn hearing_degraded(&self, provider: &str) {
        let provider = provider.to_owned();
        self.hearing_degraded.get_or_create(&ProviderLabel { provider }).inc();
    }

    /// How often that was so.
    pub fn hearing_degraded_count(&self, provider: &str) -> u64 {
        let provider = provider.to_owned();
        self.hearing_degraded.get_or_create(&ProviderLabel { provider }).get()
    }

    /// Counts an event of an engine that we don't know: skipped, as services add some every month.
    pub fn provider_unknown_event(&self, provider: &str) {
        let provider = provider.to_owned();
        self.provider_unknown_events
            .get_or_create(&ProviderLabel { provider })
            .inc();
    }

    /// How many of them there were.
    pub fn provider_unknown_event_count(&self, provider: &str) -> u64 {
        let provider = provider.to_owned();
        self.provider_unknown_events
            .get_or_create(&ProviderLabel { provider })
            .get()
    }

    /// Counts an event that a sink has taken.
    pub fn event_delivered(&self, sink: &str) {
        let sink = sink.to_owned();
        self.events_delivered.get_or_create(&SinkLabel { sink }).inc();
    }

    /// How many it has taken.
    pub fn event_delivered_count(&self, sink: &str) -> u64 {
        let sink = sink.to_owned();
        self.events_delivered.get_or_create(&SinkLabel { sink }).get()
    }

    /// Counts an event that is given up for a sink.
    pub fn event_dead(&self, sink: &str) {
        let sink = sink.to_owned();
        self.events_dead.get_or_create(&SinkLabel { sink }).inc();
    }

    /// How many are given up.
    pub fn event_dead_count(&self, sink: &str) -> u64 {
        let sink = sink.to_owned();
        self.events_dead.get_or_create(&SinkLabel { sink }).get()
    }

    /// Counts a try to deliver that failed.
    pub fn event_sink_fault(&self, sink: &str, reason: SinkFault) {
        let sink = sink.to_owned();
        self.event_sink_faults
            .get_or_create(&SinkFaultLabel { sink, reason })
            .inc();
    }

    /// How many failed for this reason.
    pub fn event_sink_fault_count(&self, sink: &str, reason: SinkFault) -> u64 {
        let sink = sink.to_owned();
        self.event_sink_faults
            .get_or_create(&SinkFaultLabel { sink, reason })
            .get()
    }

    /// Notes what a sink has not taken: so many events, the oldest of that age.
    pub fn outbox_lag(&self, sink: &str, events: i64, oldest: Duration) {
        let label = SinkLabel { sink: sink.to_owned() };
        self.outbox_lag_events.get_or_create(&label).set(events);
        self.outbox_lag_seconds
            .get_or_create(&label)
            .set(oldest.as_secs() as i64);
    }

    /// Notes what became of a sound over our speech.
    pub fn barge_in(&self, event: BargeIn) {
        let outcome = match event {
            BargeIn::Paused { reaction } => {
                self.barge_in_reaction_seconds.observe(reaction.as_secs_f64());
                BargeInOutcome::Paused
            }
            BargeIn::Resumed => BargeInOutcome::Resumed,
            BargeIn::Yielded => BargeInOutcome::Yielded,
        };
        self.barge_in.get_or_create(&BargeInLabel { outcome }).inc();
    }

    /// Notes the stages of one turn.
    pub fn turn(&self, turn: &TurnTiming) {
        let stages = [
            (Stage::Transcribe, turn.speech_ended, turn.transcribed),
            (Stage::Decide, turn.speech_ended, turn.decided),
            (Stage::Think, turn.decided, turn.first_text),
            (Stage::Synthesize, turn.first_text, turn.first_audio),
            (Stage::Send, turn.first_audio, turn.first_frame),
            (Stage::Hear, turn.first_frame, turn.first_heard),
            (Stage::ToFirstFrame, turn.speech_ended, turn.first_frame),
            (Stage::Total, turn.speech_ended, turn.first_heard),
        ];
        for (stage, from, to) in stages {
            // A stage that was done ahead (a speculative transcription) took no time of the caller's.
            let took = to.saturating_sub(from).as_secs_f64();
            self.turn_latency_seconds
                .get_or_create(&StageLabel { stage })
                .observe(took);
        }
    }
}
