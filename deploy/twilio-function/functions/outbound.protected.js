// The Voice URL of the TwiML App, for calls from a browser.
'use strict';

const { forwarder } = require(Runtime.getFunctions()['forward'].path);

exports.handler = forwarder('/api/voice/outbound', { spoken: true });
