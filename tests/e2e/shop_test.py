"""The sample `shop`: a web service, a real PostgreSQL, a migration."""
import unittest

from scenario import Scenario, docker, inspect, run


class Shop(Scenario):
    sample = "shop"

    def get(self, path):
        return run(["curl", "-sS", "--max-time", "5", f"http://127.0.0.1:8080{path}"]).stdout.strip()

    def add(self, name):
        run(["curl", "-sS", "--max-time", "5", "-d", name, "http://127.0.0.1:8080/items"])

    def names(self):
        return [line.split(" ", 1)[1].rsplit(" ", 1)[0] for line in self.get("/items").splitlines()]

    def test_update_broken_update_and_rollback_with_the_data(self):
        self.assertEqual(self.dockupd("plan", "--tag", "v1", expect=10).stdout.encode(), self.read("plan.txt"))
        self.dockupd("update", "--tag", "v1")
        self.assertEqual(self.get("/version"), "v1")
        self.add("under v1")
        database = docker("ps", "-q", "--no-trunc", "--filter", "name=shop-db-1")

        self.dockupd("update", "--tag", "v2")
        self.assertEqual((self.get("/version"), self.get("/schema")), ("v2", "2"))
        self.assertEqual(docker("ps", "-q", "--no-trunc", "--filter", "name=shop-db-1"), database,
                         "a service that does not change keeps its container")
        self.assertEqual(inspect("shop-db-1")["HostConfig"]["RestartPolicy"]["Name"], "unless-stopped")
        self.add("under v2")

        broken = self.result("update", "--tag", "v3", expect=20)
        self.assertIn("web.1", broken["reason"])
        self.assertEqual((self.get("/version"), self.get("/schema")), ("v2", "2"))
        self.assertEqual(self.names(), ["under v1", "under v2"])

        asked = self.dockupd("rollback", expect=3)
        self.assertIn("--with-data", asked.stderr)
        self.assertIn("--no-data", asked.stderr)
        self.assertEqual(self.get("/version"), "v2")

        self.dockupd("rollback", "--with-data")
        self.assertEqual((self.get("/version"), self.get("/schema")), ("v1", "1"))
        self.assertEqual(self.names(), ["under v1"])
        self.assertEqual(sorted(self.containers()), ["shop-db-1", "shop-migrate-1", "shop-web-1"])
        self.assertIn(b"IMAGE_TAG=v1\n", self.read(".env"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
