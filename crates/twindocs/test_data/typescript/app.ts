import { Store, shout } from './index';
import { run } from './old';
import * as all from '.';

export function start() {
  const store: Store = new Store();
  store.sum();
  shout('x');
  run();
  all.clean('y');
}
