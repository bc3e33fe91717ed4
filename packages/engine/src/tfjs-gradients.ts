// The Node build of @tensorflow/tfjs-core holds no gradients and no chained methods (tensor.add(...)), though its browser
// build does. In Node both come with the union package, which adds them to the very tfjs-core that is imported elsewhere.
import '@tensorflow/tfjs';
