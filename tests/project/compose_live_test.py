"""The projects of the corpus and some random ones, asked of a real docker-compose and of dockupd at the same time.

DOCKUPD is the program. The binary of compose comes from tools/compose-oracle; without it the test fails. What differs on
purpose is told by "differs" in a project's setup.json. No engine is needed: see compose_reference.py.
"""
import concurrent.futures
import os
import shutil
import subprocess
import tempfile
import unittest

import compose_reference as reference
import random_project

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "data", "corpus")
RANDOM_SEEDS = range(40)
WORKERS = 2


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        oracle = os.path.join(HERE, "..", "..", "tools", "compose-oracle")
        cls.compose = subprocess.run([oracle], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        cls.dockupd = os.environ["DOCKUPD"]

    def compare(self, folder, engines):
        found = reference.compare_config(self.compose, self.dockupd, folder)
        equal = 0
        for engine in engines:
            lines, count = reference.compare_requests(self.compose, self.dockupd, folder, engine)
            found += lines
            equal += count
        return [os.path.basename(folder) + ": " + line for line in found], equal

    def compare_all(self, folders):
        """All at once on WORKERS threads, each with engines of its own."""
        def work(share):
            found, equal = [], 0
            with reference.Engine(reference.API_VERSIONS[0]) as old, reference.Engine(reference.API_VERSIONS[1]) as new:
                for folder in share:
                    lines, count = self.compare(folder, (old, new))
                    found += lines
                    equal += count
            return found, equal

        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            results = list(pool.map(work, [folders[i::WORKERS] for i in range(WORKERS)]))
        found = [line for lines, _ in results for line in lines]
        self.assertEqual(found, [], "\n".join(found))
        return sum(equal for _, equal in results)

    def test_the_corpus(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = os.path.join(os.path.realpath(scratch), "corpus")
            shutil.copytree(CORPUS, folder)
            equal = self.compare_all([os.path.join(folder, name) for name in sorted(os.listdir(folder))])
        print("equal bodies:", equal)
        self.assertGreater(equal, 1000)

    def test_random_projects(self):
        with tempfile.TemporaryDirectory() as scratch:
            folders = []
            for seed in RANDOM_SEEDS:
                folders.append(os.path.join(os.path.realpath(scratch), "p%d" % seed))
                random_project.Project(seed).write(folders[-1])
            equal = self.compare_all(folders)
        print("equal bodies:", equal)
        self.assertGreater(equal, 100)


if __name__ == "__main__":
    unittest.main(verbosity=2)
