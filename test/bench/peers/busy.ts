// Keeps one core busy until it is ended, or its parent is gone.
const parent = process.ppid;
for (let i = 1, sum = 0; ; i++) {
  sum += Math.sqrt(i);
  if (i % 50_000_000 === 0 && (process.ppid !== parent || sum < 0)) process.exit(0);
}
