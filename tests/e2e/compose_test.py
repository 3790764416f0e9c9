"""Back and forth between docker compose and dockupd on a real engine."""
import unittest

from scenario import BesideCompose, inspect


class Compose(BesideCompose):
    def test_compose_finds_nothing_to_do_after_dockupd(self):
        self.dockupd("update", "--tag", "v1")
        self.dockupd("update", "--tag", "v2")
        before = self.containers()
        self.compose("up", "-d")
        self.assertEqual(self.containers(), before)
        self.assertIn("tiny-app-1", self.compose("ps"))
        self.assertIn("app v2 starts", self.compose("logs", "app"))
        self.compose("down", "-v")
        self.assertEqual(self.containers(), {})

    def test_dockupd_takes_over_what_compose_deployed(self):
        self.compose("up", "-d")
        self.wait_until_healthy("tiny-app-1")
        before = self.containers()
        self.assertEqual(self.result("update", "--tag", "v1")["outcome"], "nothing_to_do")
        self.assertEqual(self.containers(), before)
        self.dockupd("update", "--tag", "v2")
        self.assert_runs("v2")

    def test_dockupd_goes_back_to_what_compose_deployed(self):
        self.compose("up", "-d")
        self.wait_until_healthy("tiny-app-1")
        deployed = inspect("tiny-app-1")
        self.dockupd("update", "--tag", "v2")
        self.dockupd("rollback", "--with-data")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v1"])
        back = inspect("tiny-app-1")
        self.assertEqual(back["Config"]["Env"], deployed["Config"]["Env"])
        self.assertEqual(back["Config"]["Cmd"], deployed["Config"]["Cmd"])
        before = self.containers()
        self.compose("up", "-d")
        self.assertEqual(self.containers(), before, "compose finds nothing to do")

    def test_a_failed_update_leaves_compose_containers_as_they_were(self):
        self.compose("up", "-d")
        self.wait_until_healthy("tiny-app-1")
        before = self.containers()
        self.dockupd("update", "--tag", "v3", expect=20)
        self.assertEqual(self.containers(), before)
        self.compose("up", "-d")
        self.assertEqual(self.containers(), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
