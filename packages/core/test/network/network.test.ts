import {seedStream, zeros} from '@accrete/kit';
import {expect} from 'chai';
import {freeze, frozenHashes, growHead, hashBelow, validateNetwork, withParameters} from '../../src/index.ts';
import {floats, network} from '../support/networks.ts';
import {thrown} from '../support/thrown.ts';

describe('validating a network', () => {
  it('lists everything that is missing, misshapen or extra, at once', () => {
    const {topology, parameters} = network();
    const {'layer0/base/bias': _, ...rest} = parameters;
    const wrong = {...rest, 'layer1/base/kernel': zeros([2, 3]), 'layer9/base/bias': zeros([1])};
    const error = thrown(() => validateNetwork({topology, parameters: wrong}));
    expect(error.code).to.equal('E_SHAPE');
    expect(error.message.split('\n').slice(1)).to.deep.equal([
      '  layer0/base/bias: missing, expected [3]',
      '  layer1/base/kernel: expected [3, 2], got [2, 3]',
      '  layer9/base/bias: no module of the topology owns it',
    ]);
    expect((error.details['problems'] as string[]).length).to.equal(3);
    validateNetwork({topology, parameters});
  });
});

describe('the hashes of frozen modules', () => {
  const start = freeze(
    growHead(network(), 0, [0, 1], seedStream(3)).network,
    ({id}) => id === 'layer0/base' || id === 'head/segment:0',
  ).network;

  it('are one per frozen module, over its parameters', () => {
    expect(frozenHashes(network())).to.deep.equal({});
    expect(frozenHashes(start)).to.deep.equal({
      'layer0/base': hashBelow(start.parameters, 'layer0/base'),
      'head/segment:0': hashBelow(start.parameters, 'head/segment:0'),
    });
  });

  it('move with one bit of a frozen parameter, and not with others', () => {
    const before = frozenHashes(start);
    const bias = start.parameters['layer0/base/bias']!;
    const nudged = {...bias, data: bias.data.map((x, i) => (i === 2 ? Math.fround(x * (1 + 2 ** -23)) : x))};
    const after = frozenHashes(withParameters(start, {'layer0/base/bias': nudged}));
    expect(after['layer0/base']).to.not.equal(before['layer0/base']);
    expect(after['head/segment:0']).to.equal(before['head/segment:0']);
    expect(frozenHashes(withParameters(start, {'layer1/base/bias': floats([2], 7, 7)}))).to.deep.equal(before);
  });
});
