import fold, { clean as tidy } from './text';
import * as text from './text';

export interface Shape {
  area(): number;
}
export class Item implements Shape {
  constructor(private name: string) {
    this.name = tidy(name);
  }
  area(): number {
    return 1;
  }
  total() {
    return this.area() * 2;
  }
}
export class Special extends Item {
  private helper = new Item('h');
  constructor() {
    super('s');
  }
  area(): number {
    return this.helper.area() + super.area();
  }
  static make(): Special {
    return new Special();
  }
}
function log(target: any) {}

export class Stock {
  items: Item[] = [];
  byName: Map<string, Item> = new Map();
  add(item: Item): this {
    this.items.push(item);
    return this;
  }
  @log
  sum(): number {
    let all = 0;
    for (const item of this.items) {
      all += item.total();
    }
    this.items.forEach((item: Item) => item.area());
    return all + this.byName.get('x')!.total();
  }
}
function apply(f: (x: string) => string) {
  return f('q');
}
function each(f) {
  f('r');
}
export async function main(shape: Shape, other) {
  const stock = new Stock();
  stock.add(Special.make()).sum();
  shape.area();
  const inner = () => text.shout('x');
  inner();
  fold([]);
  each(tidy);
  setTimeout(main, 1);
  other.run();
}
