// The number's status callback. Nobody listens, so there is nobody to apologise to.
'use strict';

const { forwarder } = require(Runtime.getFunctions()['forward'].path);

exports.handler = forwarder('/api/voice/status', { spoken: false });
