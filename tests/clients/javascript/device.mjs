// The client's side of device tracking: a secret that the device keeps, its verifier, and the proof
// of it (SRP-6a over the 3072-bit group of RFC 5054, as Cognito's own SDKs compute it).

import { createHash, createHmac, randomBytes } from "node:crypto";

const N = BigInt(
  "0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F" +
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B" +
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510" +
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7" +
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C" +
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
);
const G = 2n;

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const hmac = (key, ...parts) => parts.reduce((mac, part) => mac.update(part), createHmac("sha256", key)).digest();
const number = (bytes) => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);

// A number as Java's BigInteger writes it: whole bytes, the first bit clear.
function bytes(value) {
  const hex = value.toString(16);
  const whole = hex.length % 2 ? `0${hex}` : hex;
  return Buffer.from(/^[89a-f]/.test(whole) ? `00${whole}` : whole, "hex");
}

function power(base, exponent) {
  let result = 1n;
  for (let b = ((base % N) + N) % N, e = exponent; e > 0n; e >>= 1n, b = (b * b) % N) {
    if (e & 1n) result = (result * b) % N;
  }
  return result;
}

const K = number(sha256(bytes(N), bytes(G)));

const privateValue = (device, salt) =>
  number(sha256(bytes(number(salt)), sha256(`${device.groupKey}${device.key}:${device.password}`)));

// What a new device keeps, and what it tells Cognito of it.
export function newDevice({ DeviceKey, DeviceGroupKey }) {
  const device = { key: DeviceKey, groupKey: DeviceGroupKey, password: randomBytes(40).toString("base64") };
  const salt = bytes(number(randomBytes(16)));
  const verifier = bytes(power(G, privateValue(device, salt)));
  return { device, config: { PasswordVerifier: verifier.toString("base64"), Salt: salt.toString("base64") } };
}

// A proof in two steps: SRP_A first, then the claim for what Cognito answered.
export function proof(device) {
  const a = number(randomBytes(128));
  const publicValue = power(G, a);
  return {
    SRP_A: publicValue.toString(16),
    claim({ SALT, SRP_B, SECRET_BLOCK }, now) {
      const b = BigInt(`0x${SRP_B}`);
      const u = number(sha256(bytes(publicValue), bytes(b)));
      const x = privateValue(device, Buffer.from(SALT.length % 2 ? `0${SALT}` : SALT, "hex"));
      const shared = power(b - K * power(G, x), a + u * x);
      const key = hmac(hmac(bytes(u), bytes(shared)), "Caldera Derived Key\x01").subarray(0, 16);
      const timestamp = format(now);
      const message = [device.groupKey, device.key, Buffer.from(SECRET_BLOCK, "base64"), timestamp];
      return {
        DEVICE_KEY: device.key,
        TIMESTAMP: timestamp,
        PASSWORD_CLAIM_SECRET_BLOCK: SECRET_BLOCK,
        PASSWORD_CLAIM_SIGNATURE: hmac(key, ...message).toString("base64"),
      };
    },
  };
}

// Tue Nov 4 09:05:00 UTC 2026
function format(date) {
  const [weekday, day, month, year, time] = date.toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${Number(day)} ${time} UTC ${year}`;
}
