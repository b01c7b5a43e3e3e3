// The number's Voice URL.
'use strict';

const { forwarder } = require(Runtime.getFunctions()['forward'].path);

exports.handler = forwarder('/api/voice/inbound', { spoken: true });
