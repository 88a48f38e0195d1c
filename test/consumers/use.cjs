// What each consumer does: the loopback link of its own namespace, asked for both ways; an error with its code.
const assert = require('node:assert/strict');

exports.use = async function use({ netlace, testing, process, mount, cgroup }) {
  assert.ok(Object.keys(testing).length > 0);
  assert.equal(typeof process.spawn, 'function');
  assert.equal(typeof mount.listMounts, 'function');
  assert.equal(typeof cgroup.Cgroup, 'function');
  const client = await netlace.Rtnetlink.open();
  try {
    assert.ok((await client.link.list()).some((link) => link.name === 'lo'));
    assert.equal(client.sync.link.get('lo').index, 1);
    await assert.rejects(client.link.get('netlace-no'), (error) => {
      assert.ok(error instanceof netlace.KernelError);
      assert.equal(error.code, 'ENODEV');
      return true;
    });
  } finally {
    client.close();
  }
};
