import { describe, expect, test } from "vitest";
import { compareResourceVersions } from "./resource-version.ts";
import { Store, type Stored } from "./store.ts";
import { Index } from "./store-index.ts";

interface Item extends Stored {
  readonly secret: string;
}

function item(version: number | string, more: Partial<Item> = {}): Item {
  return { namespace: "n", name: "a", uid: "u1", resourceVersion: String(version), secret: "s", ...more };
}

function kinds(events: readonly { readonly kind: string; readonly object: Item }[]): string[] {
  return events.map(({ kind, object }) => `${kind} ${object.uid}`);
}

describe("compareResourceVersions", () => {
  const cases: [string, string, number | undefined][] = [
    ["7", "7", 0],
    ["7", "8", -1],
    ["10", "9", 1],
    ["99999999999999999998", "99999999999999999999", -1],
    ["a", "a", 0],
    ["a", "b", undefined],
    ["1", "", undefined],
    ["01", "1", undefined],
  ];
  test.each(cases)("%s and %s", (a, b, expected) => {
    const order = compareResourceVersions(a, b);
    expect(order === undefined ? undefined : Math.sign(order)).toBe(expected);
  });
});

describe("what reflectors tell", () => {
  test("the first sight of an object is an add", () => {
    expect(kinds(new Store<Item>().observe(item(5)))).toEqual(["added u1"]);
  });

  test("a newer state is a change, with the state before", () => {
    const store = new Store<Item>();
    store.observe(item(5));
    expect(store.observe(item(6))).toEqual([{ kind: "modified", key: "n/a", object: item(6), previous: item(5) }]);
  });

  test("the same state again is nothing", () => {
    const store = new Store<Item>();
    store.observe(item(5));
    expect(store.observe(item(5))).toEqual([]);
  });

  test("an older state is nothing and changes nothing", () => {
    const store = new Store<Item>();
    store.observe(item(10));
    store.observe(item(9));
    expect(store.get("n/a")?.resourceVersion).toBe("10");
  });

  test("another uid is a delete and an add", () => {
    const store = new Store<Item>();
    store.observe(item(5));
    expect(kinds(store.observe(item(7, { uid: "u2" })))).toEqual(["deleted u1", "added u2"]);
  });

  test("states without an order are taken as they come", () => {
    const store = new Store<Item>();
    store.observe(item("x"));
    expect(kinds(store.observe(item("w")))).toEqual(["modified u1"]);
  });

  test("the delete of a former object of the same name is nothing", () => {
    const store = new Store<Item>();
    store.observe(item(9, { uid: "u2" }));
    expect(store.remove(item(7))).toEqual([]);
  });

  test("the delete of another object of the same name is nothing, even without an order", () => {
    const store = new Store<Item>();
    store.observe(item("x", { uid: "u2" }));
    expect(store.remove(item("y"))).toEqual([]);
  });

  test("a complete list deletes what it does not hold", () => {
    const store = new Store<Item>();
    store.observe(item(5));
    store.observe(item(6, { name: "b", uid: "u2" }));
    expect(kinds(store.retain(new Set(["n/b"]), "", "8"))).toEqual(["deleted u1"]);
  });

  test("a list of one namespace deletes nothing of another", () => {
    const store = new Store<Item>();
    store.observe(item(5));
    store.observe(item(6, { namespace: "m", uid: "u2" }));
    expect(kinds(store.retain(new Set(), "m", "8"))).toEqual(["deleted u2"]);
  });

  test("once the history has gone back, an older state is a change, and what the list does not hold is gone", () => {
    const store = new Store<Item>();
    store.observe(item(50));
    store.observe(item(60, { name: "b", uid: "u2" }));
    store.observe(item(70, { namespace: "m", uid: "u3" }));
    store.distrustOrder("n");
    expect(kinds(store.observe(item(5)))).toEqual(["modified u1"]);
    expect(kinds(store.observe(item(7, { namespace: "m", uid: "u3" })))).toEqual([]);
    expect(kinds(store.retain(new Set(["n/a"]), "n", "8"))).toEqual(["deleted u2"]);
    expect(kinds(store.observe(item(5)))).toEqual([]);
  });

  test("a list shows what is: a stored state that it could have shown and does not is lost, whatever its number", () => {
    const store = new Store<Item>();
    store.observe(item(90));
    expect(store.observe(item(50), "1000100")).toEqual([
      { kind: "modified", key: "n/a", object: item(50), previous: item(90) },
    ]);
  });

  test("a list that shows another object of that name is a delete and an add, whatever their numbers", () => {
    const store = new Store<Item>();
    store.observe(item(90, { uid: "u2" }));
    expect(kinds(store.observe(item(50), "1000100"))).toEqual(["deleted u2", "added u1"]);
  });

  test("a list that shows the stored state is nothing", () => {
    const store = new Store<Item>();
    store.observe(item(5));
    expect(store.observe(item(5), "8")).toEqual([]);
  });

  test("a list does not take back what was written after it was taken", () => {
    const store = new Store<Item>();
    store.observe(item(5));
    store.assume(item(9), "5");
    expect(store.observe(item(5), "8")).toEqual([]);
    expect(store.get("n/a")?.resourceVersion).toBe("9");
  });

  test("a list deletes what it could have shown and does not, whatever its number", () => {
    const store = new Store<Item>();
    store.observe(item(90));
    expect(kinds(store.retain(new Set(), "", "1000100"))).toEqual(["deleted u1"]);
  });

  test("a list does not delete what was written after it was taken", () => {
    const store = new Store<Item>();
    store.advance("", "5");
    store.assume(item(9), undefined);
    expect(store.retain(new Set(), "", "8")).toEqual([]);
  });
});

describe("assume", () => {
  function storeAt(version: string): Store<Item> {
    const store = new Store<Item>();
    store.observe(item(5));
    store.advance("", version);
    return store;
  }

  test("our own write is seen at once", () => {
    const store = storeAt("5");
    store.assume(item(6, { secret: "t" }), "5");
    expect(store.get("n/a")?.secret).toBe("t");
  });

  test("the watch's event for our own write is no event", () => {
    const store = storeAt("5");
    expect([store.assume(item(6), "5"), store.observe(item(6))]).toEqual([[], []]);
  });

  test("what others changed before our write is told with its answer, for the watch comes too late with it", () => {
    const store = storeAt("5");
    const events = store.assume(item(8, { secret: "t" }), "7");
    expect(events).toEqual([{ kind: "modified", key: "n/a", object: item(8, { secret: "t" }), previous: item(5) }]);
    expect([store.knows(item(7)), store.knows(item(8))]).toEqual([true, true]);
  });

  test("an object that others made before our write is reported with its answer", () => {
    const store = new Store<Item>();
    store.advance("", "5");
    expect(kinds(store.assume(item(8), "7"))).toEqual(["added u1"]);
  });

  test("an object that was gone when we created ours in its place is reported with the answer", () => {
    const store = storeAt("5");
    expect(kinds(store.assume(item(8, { uid: "u2" }), undefined))).toEqual(["deleted u1", "added u2"]);
  });

  test("a state between, told late, does not come back", () => {
    const store = storeAt("5");
    store.assume(item(8), "7");
    expect([store.observe(item(7)), store.get("n/a")?.resourceVersion]).toEqual([[], "8"]);
  });

  test("an answer that comes after a newer state is ignored", () => {
    const store = storeAt("9");
    store.observe(item(9));
    expect([store.assume(item(8), "7"), store.get("n/a")?.resourceVersion]).toEqual([[], "9"]);
  });

  test("an object that was deleted after our write is not brought back", () => {
    const store = storeAt("5");
    store.remove(item(9));
    store.advance("", "9");
    expect([store.assume(item(8), "7"), store.size]).toEqual([[], 0]);
  });

  test("an object that we have just created is there", () => {
    const store = storeAt("5");
    const created = item(6, { name: "b", uid: "u2" });
    expect([store.assume(created, undefined), store.get("n/b")?.uid]).toEqual([[], "u2"]);
  });

  test("the late delete of the object that we replaced does not take ours away", () => {
    const store = storeAt("5");
    store.assume(item(8, { uid: "u2" }), undefined);
    expect([store.remove(item(7)), store.size]).toEqual([[], 1]);
  });

  test("leaving the selection before our write that brought it back is old news", () => {
    const store = storeAt("5");
    store.assume(item(8), "7");
    expect([store.remove(item(7)), store.size]).toEqual([[], 1]);
  });

  test("without an order only the same object is replaced", () => {
    const store = new Store<Item>();
    store.observe(item("x"));
    store.assume(item("y", { secret: "t" }), "x");
    store.assume(item("z", { name: "b", uid: "u2" }), undefined);
    expect([store.get("n/a")?.secret, store.get("n/b")]).toEqual(["t", undefined]);
  });

  test("progress counts for its own namespace", () => {
    const store = new Store<Item>();
    store.advance("n", "5");
    store.advance("m", "20");
    store.assume(item(10), undefined);
    expect(store.size).toBe(1);
  });
});

describe("Index", () => {
  function indexed() {
    const bySecret = new Index<Item>((object) => [object.secret]);
    return { bySecret, store: new Store<Item>({ indexes: [bySecret] }) };
  }

  test("finds the keys of objects that hold a value", () => {
    const { store, bySecret } = indexed();
    store.observe(item(1));
    store.observe(item(2, { name: "b", uid: "u2" }));
    store.observe(item(3, { name: "c", uid: "u3", secret: "other" }));
    expect(bySecret.keys("s")).toEqual(["n/a", "n/b"]);
  });

  test("follows a changed object", () => {
    const { store, bySecret } = indexed();
    store.observe(item(1));
    store.assume(item(2, { secret: "t" }), "1");
    store.observe(item(3, { secret: "t" }));
    expect([bySecret.keys("s"), bySecret.keys("t")]).toEqual([[], ["n/a"]]);
  });

  test("forgets a deleted object", () => {
    const { store, bySecret } = indexed();
    store.observe(item(1));
    store.remove(item(2));
    expect(bySecret.keys("s")).toEqual([]);
  });

  test("keeps an object whose twin is deleted, until it goes as well", () => {
    const { store, bySecret } = indexed();
    store.observe(item(1));
    store.observe(item(2, { name: "b", uid: "u2" }));
    store.remove(item(3));
    expect(bySecret.keys("s")).toEqual(["n/b"]);
    store.remove(item(4, { name: "b", uid: "u2" }));
    expect(bySecret.keys("s")).toEqual([]);
  });
});
