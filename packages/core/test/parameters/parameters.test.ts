import {contentHash, type HostArray, hostArray, zeros} from '@accrete/kit';
import {expect} from 'chai';
import {below, countBytes, countWeights, hashBelow} from '../../src/index.ts';

const a = hostArray(Float32Array.of(1, 2), [2], 'float32');
const b = hostArray(Float32Array.of(3), [1], 'float32');
const parameters = {'layer1/base/kernel': a, 'layer1/base/bias': b, 'layer10/base/kernel': zeros([3])};

describe('parameters by path', () => {
  it('below a prefix are those of whole path parts, named by the rest', () => {
    expect(below(parameters, 'layer1')).to.deep.equal({'base/kernel': a, 'base/bias': b});
    expect(below(parameters, 'layer1/base')).to.deep.equal({kernel: a, bias: b});
    expect(below(parameters, 'layer')).to.deep.equal({});
  });

  it('are counted in weights and in bytes', () => {
    expect(countWeights(parameters)).to.equal(6);
    expect(countBytes(parameters)).to.equal(24);
    expect(countBytes({x: zeros([5], 'uint8') as HostArray})).to.equal(5);
  });

  it('have a hash below a prefix that moves with each of them and no other', () => {
    const hash = hashBelow(parameters, 'layer1/base');
    expect(hash).to.equal(contentHash({bias: b, kernel: a}));
    expect(hashBelow({...parameters, 'layer1/base/bias': zeros([1])}, 'layer1/base')).to.not.equal(hash);
    expect(hashBelow({...parameters, 'layer10/base/kernel': a}, 'layer1/base')).to.equal(hash);
  });
});
