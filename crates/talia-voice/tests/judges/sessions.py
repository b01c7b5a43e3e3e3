"""Holds a short session with a fake through its official SDK: `sessions.py SERVICE URL KEY`, the caller's μ-law on standard input.

Prints a JSON line of {"errors", "events", "words", "audio_bytes"}: what the fake said that the SDK's types don't know or refuse, the
types of its events, and what came of the session.
"""

import asyncio
import base64
import json
import sys

from strictly import harden, wrong, wrong_as

SERVICE, URL, KEY = sys.argv[1:4]
SOCKET = URL.replace("http", "ws", 1)
CALLER = sys.stdin.buffer.read()
TEXT = "Hola, Ana."


class Session:
    """What the fake said."""

    def __init__(self):
        self.errors, self.events, self.words, self.audio_bytes = [], [], [], 0

    def holds(self, event, errors):
        name = event.get("type") or event.get("message_type") or "message"
        self.events.append(name)
        self.errors += [f"{name}: {error}" for error in errors]

    def parsed(self, event, kind):
        """The SDK made an object of it, of a type that is meant for it."""
        if not isinstance(event, kind):
            self.errors.append(f"{type(event).__name__} was made of what should be a {kind}")


class Tap:
    """A socket of an SDK, whose texts are kept as they came."""

    def __init__(self, socket):
        self.socket, self.raw = socket, None

    def recv(self, *arguments, **named):
        self.raw = self.socket.recv(*arguments, **named)
        return self.raw

    def __getattr__(self, name):
        return getattr(self.socket, name)


def pieces(mulaw, size):
    return [mulaw[at : at + size] for at in range(0, len(mulaw), size)]


def text(audio):
    return base64.b64encode(audio).decode()


def openai():
    from openai import OpenAI

    return OpenAI(api_key=KEY, base_url=f"{URL}/v1", websocket_base_url=f"{SOCKET}/v1", max_retries=0)


def openai_events(session, connection):
    """The events of a Realtime connection, judged."""
    from openai.types.realtime import RealtimeServerEvent
    from openai.types.realtime.realtime_session_create_response import RealtimeSessionCreateResponse
    from openai.types.realtime.realtime_transcription_session_create_response import (
        RealtimeTranscriptionSessionCreateResponse,
    )

    harden("openai.types")
    sessions = {
        "realtime": RealtimeSessionCreateResponse,
        "transcription": RealtimeTranscriptionSessionCreateResponse,
    }
    while True:
        raw = connection.recv_bytes()
        event = json.loads(raw)
        errors = []
        if kept := event.get("session"):
            # In events the SDK types a session like what asks for one, without the `id`, `object` and `expires_at` that the service's
            # documentation shows there; its type of the service's sessions has them.
            errors = wrong(sessions[kept["type"]], kept)
            event["session"] = {"type": kept["type"]}
        session.holds(event, errors + wrong_as(RealtimeServerEvent, "type", event))
        yield connection.parse_event(raw)


def until(events, name):
    for event in events:
        if event.type == "error":
            raise SystemExit(f"the fake refuses: {event}")
        if event.type == name:
            return event


def openai_realtime(session):
    with openai().realtime.connect(model="gpt-realtime-2.1") as connection:
        events = openai_events(session, connection)
        until(events, "session.created")
        pcmu = {"type": "audio/pcmu"}
        tool = {"type": "function", "name": "end_call", "description": "Ends the call.", "parameters": {"type": "object"}}
        connection.session.update(
            session={
                "type": "realtime",
                "instructions": "Contesta.",
                "output_modalities": ["audio"],
                "audio": {
                    "input": {
                        "format": pcmu,
                        "transcription": {"model": "gpt-transcribe"},
                        "turn_detection": {"type": "server_vad", "create_response": False},
                    },
                    "output": {"format": pcmu, "voice": "marin"},
                },
                "tools": [tool],
            }
        )
        until(events, "session.updated")
        for piece in pieces(CALLER, 800):
            connection.input_audio_buffer.append(audio=text(piece))
        # A pause, so that the service's own detector ends the turn.
        connection.input_audio_buffer.append(audio=text(b"\xff" * 8_000))
        written = until(events, "conversation.item.input_audio_transcription.completed")
        session.words.append(written.transcript)
        connection.response.create()
        cut = None
        for event in events:
            if event.type == "response.output_audio.delta":
                session.audio_bytes += len(base64.b64decode(event.delta))
                cut = event.item_id
            if event.type == "response.done":
                break
        connection.conversation.item.truncate(item_id=cut, content_index=0, audio_end_ms=100)
        until(events, "conversation.item.truncated")
        connection.conversation.item.delete(item_id=cut)
        until(events, "conversation.item.deleted")
        content = [{"type": "input_text", "text": "adiós"}]
        connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        until(events, "conversation.item.done")
        # The reply to that word calls a tool.
        connection.response.create()
        for event in events:
            if event.type == "response.output_item.done" and event.item.type == "function_call":
                called = event.item.call_id
            if event.type == "response.done":
                break
        connection.conversation.item.create(item={"type": "function_call_output", "call_id": called, "output": "{}"})
        until(events, "conversation.item.done")
        connection.response.create()
        until(events, "response.created")
        connection.response.cancel()
        until(events, "response.done")
        connection.input_audio_buffer.append(audio=text(CALLER))
        connection.input_audio_buffer.clear()
        until(events, "input_audio_buffer.cleared")


def openai_transcription(session):
    with openai().realtime.connect(extra_query={"intent": "transcription"}) as connection:
        events = openai_events(session, connection)
        until(events, "session.created")
        heard = {"format": {"type": "audio/pcmu"}, "transcription": {"model": "gpt-live-transcribe"}, "turn_detection": None}
        connection.session.update(session={"type": "transcription", "audio": {"input": heard}})
        until(events, "session.updated")
        for piece in pieces(CALLER, 800):
            connection.input_audio_buffer.append(audio=text(piece))
        connection.input_audio_buffer.commit()
        written = until(events, "conversation.item.input_audio_transcription.completed")
        session.words.append(written.transcript)
        connection.input_audio_buffer.append(audio=text(CALLER))
        connection.input_audio_buffer.clear()
        until(events, "input_audio_buffer.cleared")


def openai_speech(session):
    with openai().audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="marin", input=TEXT, response_format="pcm", speed=1.0
    ) as answer:
        for piece in answer.iter_bytes():
            session.audio_bytes += len(piece)


TOOL = {"name": "end_call", "description": "Ends the call.", "parameters": {"type": "object", "properties": {}}}


def openai_chat(session):
    from openai.types.chat import ChatCompletionChunk

    harden("openai.types")
    messages = [{"role": "system", "content": "Contesta."}, {"role": "user", "content": "hola"}]

    def ask():
        words, calls = "", []
        tools = [{"type": "function", "function": TOOL}]
        options = dict(model="gpt-5-mini", stream=True, stream_options={"include_usage": True}, tools=tools)
        for chunk in openai().chat.completions.create(messages=messages, **options):
            raw = chunk.to_dict(mode="json")
            session.holds(raw, wrong(ChatCompletionChunk, raw))
            for choice in chunk.choices:
                words += choice.delta.content or ""
                calls += [call.id for call in choice.delta.tool_calls or [] if call.id]
        session.words.append(words)
        return calls

    ask()
    messages.append({"role": "user", "content": "adiós"})
    [call] = ask()
    wish = {"id": call, "type": "function", "function": {"name": "end_call", "arguments": "{}"}}
    messages.append({"role": "assistant", "tool_calls": [wish]})
    messages.append({"role": "tool", "tool_call_id": call, "content": "{}"})
    ask()
    session.events = ["chat.completion.chunk"]


def openai_responses(session):
    from openai.types.conversations import Conversation, ConversationItemList
    from openai.types.responses import ResponseStreamEvent

    harden("openai.types")
    client = openai()
    conversation = client.conversations.create(items=[{"type": "message", "role": "developer", "content": "Contesta."}])
    raw = conversation.to_dict(mode="json")
    session.errors += [f"conversation: {error}" for error in wrong(Conversation, raw)]
    told = {"type": "message", "role": "user", "content": "¿Sí?"}
    added = client.conversations.items.create(conversation.id, items=[told]).to_dict(mode="json")
    session.errors += [f"items: {error}" for error in wrong(ConversationItemList, added)]

    def ask(said):
        calls = []
        tools = [{"type": "function", "strict": False, **TOOL}]
        options = dict(model="gpt-5-mini", stream=True, tools=tools, conversation=conversation.id)
        for event in client.responses.create(input=said, **options):
            raw = event.to_dict(mode="json")
            if event.type.endswith(".delta"):
                # The types lack it; the SDK documents it beside `stream_options.include_obfuscation`, which is on by default.
                raw.pop("obfuscation", None)
            session.holds(raw, wrong_as(ResponseStreamEvent, "type", raw))
            if event.type == "response.output_text.delta":
                session.words.append(event.delta)
            if event.type == "response.output_item.done" and event.item.type == "function_call":
                calls.append(event.item.call_id)
        return calls

    ask([{"type": "message", "role": "user", "content": "hola"}])
    [call] = ask([{"type": "message", "role": "user", "content": "adiós"}])
    ask([{"type": "function_call_output", "call_id": call, "output": "{}"}])
    session.words = ["".join(session.words)]


def deepgram():
    from deepgram import DeepgramClient
    from deepgram.environment import DeepgramClientEnvironment

    here = DeepgramClientEnvironment(base=URL, production=SOCKET, agent=SOCKET, agent_rest=URL)
    return DeepgramClient(api_key=KEY, environment=here)


def deepgram_events(session, connection, union, unknown=()):
    """The events of a Deepgram connection, judged; audio is passed on as it is."""
    from strictly import members

    harden("deepgram")
    kinds = tuple(kind for kind in members(union) if kind is not bytes)
    tap = connection._websocket = Tap(connection._websocket)
    while True:
        event = connection.recv()
        if not isinstance(tap.raw, bytes):
            raw = json.loads(tap.raw)
            session.parsed(event, kinds)
            session.holds(raw, wrong_as(union, "type", raw))
        yield event


def deepgram_listen(session):
    from deepgram.listen.v1.socket_client import V1SocketClientResponse

    options = dict(model="nova-3", language="es", encoding="mulaw", sample_rate=8_000, interim_results=True)
    with deepgram().listen.v1.connect(**options, smart_format=True, mip_opt_out=True) as connection:
        connection.send_keep_alive()
        for piece in pieces(CALLER, 800):
            connection.send_media(piece)
        connection.send_finalize()
        for event in deepgram_events(session, connection, V1SocketClientResponse):
            if event.is_final:
                session.words += [word.punctuated_word for word in event.channel.alternatives[0].words]
            if event.from_finalize:
                break
        connection.send_close_stream()


def deepgram_flux(session):
    from deepgram.listen.v2.socket_client import V2SocketClientResponse

    options = dict(model="flux-general-multi", encoding="mulaw", sample_rate=8_000, eager_eot_threshold=0.5)
    with deepgram().listen.v2.connect(**options, language_hint="es") as connection:
        connection.send_configure({"type": "Configure", "keyterms": ["arroba"]})
        for piece in pieces(CALLER, 800):
            connection.send_media(piece)
        connection.send_force_end_turn()
        for event in deepgram_events(session, connection, V2SocketClientResponse):
            if getattr(event, "event", None) == "EndOfTurn":
                session.words.append(event.transcript)
                if event.trigger == "manual":
                    break
        connection.send_close_stream()


def deepgram_speak(session):
    from deepgram.speak.v1.socket_client import V1SocketClientResponse
    from deepgram.speak.v1.types import SpeakV1Text

    with deepgram().speak.v1.connect(model="aura-2-estrella-es", encoding="mulaw", sample_rate=8_000) as connection:
        connection.send_text(SpeakV1Text(type="Speak", text=TEXT))
        connection.send_flush()
        cleared = False
        for event in deepgram_events(session, connection, V1SocketClientResponse):
            if isinstance(event, bytes):
                session.audio_bytes += len(event)
            elif event.type == "Flushed" and not cleared:
                connection.send_clear()
            elif event.type == "Cleared":
                break
        connection.send_close()


def elevenlabs(session):
    """The SDK has no client for the socket with several contexts (`convert_realtime` speaks another one, and to wss:// alone), but
    its types: they make our messages and judge the answers."""
    from elevenlabs import types
    from elevenlabs.v_1_text_to_speech_voice_id_multi_stream_input.types.receive_message_multi import ReceiveMessageMulti
    from websockets.sync.client import connect

    address = f"{SOCKET}/v1/text-to-speech/v1/multi-stream-input?model_id=eleven_flash_v2_5&output_format=ulaw_8000"
    settings = types.RealtimeVoiceSettings(speed=1.0)
    messages = [
        types.InitializeConnectionMulti(text=" ", context_id="a", voice_settings=settings),
        types.KeepContextAlive(text="", context_id="a"),
        types.SendTextMulti(text=f"{TEXT} ", context_id="a"),
        types.FlushContext(context_id="a", flush=True),
        types.CloseContext(context_id="a", close_context=True),
    ]
    with connect(address, additional_headers={"xi-api-key": KEY}) as socket:
        for message in messages:
            socket.send(message.model_dump_json(by_alias=True, exclude_unset=True))
        while True:
            event = json.loads(socket.recv())
            session.holds(event, wrong(ReceiveMessageMulti, event))
            session.audio_bytes += len(base64.b64decode(event.get("audio") or ""))
            if event.get("isFinal"):
                break


def elevenlabs_scribe(session):
    from elevenlabs.client import ElevenLabs
    from elevenlabs.realtime import AudioFormat, CommitStrategy, RealtimeEvents
    from elevenlabs.v_1_speech_to_text_realtime.types.receive_transcription import ReceiveTranscription

    harden("elevenlabs")
    heard = []

    async def hold():
        client = ElevenLabs(api_key=KEY, base_url=URL)
        connection = await client.speech_to_text.realtime.connect(
            {
                "model_id": "scribe_v2_realtime",
                "audio_format": AudioFormat.ULAW_8000,
                "sample_rate": 8_000,
                "commit_strategy": CommitStrategy.MANUAL,
                "language_code": "es",
                "keyterms": ["arroba"],
            }
        )
        committed = asyncio.get_running_loop().create_future()
        for event in (RealtimeEvents.SESSION_STARTED, RealtimeEvents.PARTIAL_TRANSCRIPT):
            connection.on(event, heard.append)
        connection.on(RealtimeEvents.COMMITTED_TRANSCRIPT, committed.set_result)
        connection.on(RealtimeEvents.ERROR, lambda event: committed.set_exception(RuntimeError(str(event))))
        for piece in pieces(CALLER, 800):
            await connection.send({"audio_base_64": text(piece)})
        await connection.commit()
        heard.append(await committed)
        await connection.close()

    asyncio.run(hold())
    session.words.append(heard[-1]["text"])
    for event in heard:
        session.holds(event, wrong_as(ReceiveTranscription, "message_type", event))


def cartesia(session):
    from cartesia import Cartesia
    from cartesia.types.websocket_response import WebsocketResponse

    harden("cartesia.types")
    request = {
        "model_id": "sonic-3",
        "voice": {"id": "v"},
        "language": "es",
        "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8_000},
        "add_timestamps": True,
    }
    client = Cartesia(api_key=KEY, base_url=URL, websocket_base_url=SOCKET)
    with client.tts.websocket_connect() as connection:
        connection.send({**request, "context_id": "a", "transcript": TEXT, "continue": False})
        tap = connection._connection = Tap(connection._connection)
        while True:
            event = connection.recv()
            raw = json.loads(tap.raw)
            session.holds(raw, wrong_as(WebsocketResponse, "type", raw))
            if event.type == "chunk":
                session.audio_bytes += len(event.audio)
            if event.type == "done":
                break
        connection.send({"context_id": "a", "cancel": True})


SESSION = Session()
globals()[SERVICE](SESSION)
print(
    json.dumps(
        {
            "errors": sorted(set(SESSION.errors)),
            "events": sorted(set(SESSION.events)),
            "words": " ".join(SESSION.words),
            "audio_bytes": SESSION.audio_bytes,
        }
    )
)
