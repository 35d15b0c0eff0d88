// workerd: /?base=BASE[&options=OPTIONS]
import * as wkv from "wkv";
import { probe, speed } from "./probe.js";

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const [base, options] = [searchParams.get("base"), searchParams.get("options")];
    return Response.json(await (options ? speed(wkv, base, JSON.parse(options)) : probe(wkv, base)));
  },
};
