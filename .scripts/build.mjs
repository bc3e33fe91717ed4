// npm run build
import {build, install} from './ensure.mjs';

install();
build();
