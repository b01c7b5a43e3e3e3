"""Judges what we send: JSON lines of {"service", "what", "value"} in, JSON lines of {"line", "errors"} out for those that are wrong.

`what` is "message" or "body" (a JSON value) or "query" (pairs of texts).
"""

import inspect
import json
import sys
import typing

import cartesia.types.websocket_client_event_param as cartesia
import deepgram.listen.v1.client
import deepgram.listen.v1.requests as listen_v1
import deepgram.listen.v2.client
import deepgram.listen.v2.requests as listen_v2
import deepgram.speak.v1.client
import deepgram.speak.v1.requests as speak_v1
import openai.types.audio.speech_create_params as speech
import openai.types.chat.completion_create_params as chat
import openai.types.conversations.conversation_create_params as conversations
import openai.types.realtime.realtime_client_event_param as realtime
import openai.types.realtime.realtime_connect_params as realtime_connect
import openai.types.responses.response_create_params as responses
from elevenlabs.realtime.scribe import RealtimeAudioOptions
from elevenlabs.types import InputAudioChunkPayload
from elevenlabs.v_1_text_to_speech_voice_id_multi_stream_input.types.send_message_multi import SendMessageMulti

from strictly import harden, wrong, wrong_as, wrong_query

harden("openai.types", "cartesia.types", "deepgram")

LISTEN = typing.Union[
    listen_v1.ListenV1FinalizeParams, listen_v1.ListenV1KeepAliveParams, listen_v1.ListenV1CloseStreamParams
]
FLUX = typing.Union[
    listen_v2.ListenV2ConfigureParams, listen_v2.ListenV2ForceEndTurnParams, listen_v2.ListenV2CloseStreamParams
]
SPEAK = typing.Union[
    speak_v1.SpeakV1TextParams, speak_v1.SpeakV1FlushParams, speak_v1.SpeakV1ClearParams, speak_v1.SpeakV1CloseParams
]


def of_function(connect):
    """The parameters of an SDK's function, and those of them that it can't do without."""
    hints = typing.get_type_hints(connect)
    ours = ("self", "authorization", "request_options")
    taken = {name: each for name, each in inspect.signature(connect).parameters.items() if name not in ours}
    required = [name for name, each in taken.items() if each.default is inspect.Parameter.empty]
    return {name: hints[name] for name in taken}, required


def of_dictionary(kind, without=()):
    """The same of a typed dictionary."""
    types = {name: each for name, each in typing.get_type_hints(kind).items() if name not in without}
    return types, [name for name in kind.__required_keys__ if name in types]


# The SDK names it in the documentation of `connect` only: "Transcription sessions use `intent=transcription`".
TRANSCRIPTION = ({"intent": typing.Literal["transcription"]}, ["intent"])

MESSAGES = {
    "openai_realtime": (realtime.RealtimeClientEventParam, "type"),
    "openai_transcription": (realtime.RealtimeClientEventParam, "type"),
    "openai_speech": (speech.SpeechCreateParams, None),
    "openai_chat": (chat.CompletionCreateParamsStreaming, None),
    "openai_responses": (responses.ResponseCreateParamsStreaming, None),
    "openai_conversations": (conversations.ConversationCreateParams, None),
    "deepgram_listen": (LISTEN, "type"),
    "deepgram_flux": (FLUX, "type"),
    "deepgram_speak": (SPEAK, "type"),
    "elevenlabs": (SendMessageMulti, None),
    "elevenlabs_scribe": (InputAudioChunkPayload, None),
    "cartesia": (cartesia.WebsocketClientEventParam, None),
}
# ElevenLabs' SDK has no client for its socket with several contexts, and Cartesia's takes no parameters.
QUERIES = {
    "openai_realtime": of_dictionary(realtime_connect.RealtimeConnectParams),
    "openai_transcription": TRANSCRIPTION,
    "deepgram_listen": of_function(deepgram.listen.v1.client.V1Client.connect.__wrapped__),
    "deepgram_flux": of_function(deepgram.listen.v2.client.V2Client.connect.__wrapped__),
    "deepgram_speak": of_function(deepgram.speak.v1.client.V1Client.connect.__wrapped__),
    # The rate is a field of the messages; the address has the format, which names it.
    "elevenlabs_scribe": of_dictionary(RealtimeAudioOptions, without=("sample_rate",)),
}


def judge(case):
    service, what, value = case["service"], case["what"], case["value"]
    if what == "query":
        return wrong_query(*QUERIES[service], value)
    kind, tag = MESSAGES[service]
    return wrong_as(kind, tag, value) if tag else wrong(kind, value)


for number, line in enumerate(sys.stdin):
    errors = judge(json.loads(line))
    if errors:
        print(json.dumps({"line": number, "errors": errors}))
