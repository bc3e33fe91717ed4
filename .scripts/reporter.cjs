// mocha's spec reporter, which also counts: {passed, failed} in test-results.json.
const {writeFileSync} = require('node:fs');
const {reporters} = require('mocha');

module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      writeFileSync(
        'test-results.json',
        `${JSON.stringify({passed: this.stats.passes, failed: this.stats.failures})}\n`,
      );
    });
  }
};
